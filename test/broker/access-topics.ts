import { rules, type TopicKind, topicKinds } from '../../broker/access.js';
import { type Role, roles } from '../../schemas/roles.js';
import { matchTopic, topicsOf } from '../../schemas/topics.js';

export interface Subject {
  role: Role;
  id: string;
}

export const fleet = 'default';
export const subjects: Subject[] = roles.map((role) => ({ role, id: role === 'device' ? 'board-1' : role }));
/** The device that nobody else may pretend to be, or learn from. */
export const victim: Subject = { role: 'device', id: 'board-2' };
export const everybody = [...subjects, victim];

/** Every topic that schemas/topics.ts builds, of both devices, and every filter. @throws where one has no rule */
export function everyTopic(): { topics: string[]; filters: string[] } {
  const built = [subjects[0]!.id, victim.id].flatMap((device) =>
    Object.entries(topicsOf(fleet)).map(([name, build]) => {
      const topic =
        typeof build === 'string'
          ? build
          : (build as (...parts: (string | number)[]) => string)(device, 1, 0);
      const kind = matchTopic(topic)?.kind;
      if (!/[+#]/.test(topic) && (!kind || !Object.hasOwn(rules, kind)))
        throw new Error(`${name} builds ${topic}, which has no rule in broker/access.ts`);
      return topic;
    }),
  );
  const of = (isFilter: boolean) => [...new Set(built.filter((topic) => /[+#]/.test(topic) === isFilter))];
  const kinds = new Set(of(false).map((topic) => matchTopic(topic)!.kind));
  const unbuilt = topicKinds.filter((kind: TopicKind) => !kinds.has(kind));
  if (unbuilt.length > 0) throw new Error(`rules for ${unbuilt.join(', ')}, which nothing builds`);
  return { topics: of(false), filters: of(true) };
}

/** Topics that are nobody’s: near to ours, the broker's own, and others. */
export const strays = [
  `${topicsOf(fleet).presence(victim.id)}/`,
  `/${topicsOf(fleet).presence(victim.id)}`,
  `${topicsOf(fleet).presence(victim.id)}/x`,
  topicsOf(fleet).presence(victim.id).replace('/presence', '/other'),
  topicsOf(fleet).task(`x/../${victim.id}`),
  topicsOf(fleet).update(victim.id, -1),
  topicsOf(fleet).roundsStart.replace('v1', 'v2'),
  topicsOf(fleet).roundsStart.toUpperCase(),
  'elsewhere',
];

/** Filters that match more than one topic, so that something of another could come with them. */
export function wideFilters(filters: readonly string[]): string[] {
  const { everything, presence, telemetry, update } = topicsOf(fleet);
  const levels = everything.split('/').length;
  return [
    ...filters,
    ...['#', '+/#', '+', '/#', '$SYS/#', '$SYS/+/new/clients', '$share/group/#'],
    ...Array.from(
      { length: levels - 1 },
      (_, i) =>
        `${everything
          .split('/')
          .slice(0, i + 1)
          .join('/')}/#`,
    ),
    ...[5, 6, 7].map((count) => Array(count).fill('+').join('/')),
    presence('+').replace('/presence', '/+'),
    presence('+').replace('/presence', '/#'),
    presence(victim.id).replace('/presence', '/#'),
    presence(victim.id).replace('/presence', '/+'),
    update(victim.id, 1).replace(fleet, '+'),
    `$share/group/${telemetry(victim.id)}`,
    `$share/group/${telemetry('+')}`,
    everything.replace('#', 'adapters/#'),
    everything.replace('#', 'adapters/+/#'),
    everything.replace('#', 'rounds/#'),
    everything.replace('#', 'rounds/+'),
  ];
}
