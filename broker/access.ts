import type { Role } from '../schemas/roles.js';
import { matchTopic, type TopicMatch, topicsOf } from '../schemas/topics.js';

export type TopicKind = TopicMatch['kind'];

/** Who somebody is, however that was proven. A device's id is the one in its topics. */
export interface Identity {
  role: Role;
  id: string;
  /** On this machine, where nothing is proven. */
  local?: boolean;
}

/** Who is at the other end of a connection. */
export interface Peer extends Identity {
  clientId: string;
}

export const rights = ['publish', 'retain', 'will', 'receive', 'clear'] as const;
/**
 * Of a role at a kind of topic: to publish; to leave it retained, and clear it again; to have it as a will; to
 * subscribe and receive; to clear what others left retained there.
 */
export type Right = (typeof rights)[number];
type Rights = readonly Right[];

const sends: Rights = ['publish'];
const keeps: Rights = ['publish', 'retain'];
const hears: Rights = ['receive'];
const all = { coordinator: hears, operator: hears, viewer: hears };

/**
 * All topic rules: what is not here is refused. A device has its rights where its own id is in the topic, if
 * there is one in it. What names other devices (rounds/…) is not for devices.
 */
export const rules: Record<TopicKind, Partial<Record<Role, Rights>>> = {
  presence: { ...all, device: [...keeps, 'will'], operator: [...hears, 'clear'] },
  task: { coordinator: sends, device: hears },
  update: { device: sends, coordinator: hears },
  receipt: { coordinator: sends, device: hears },
  telemetry: { ...all, device: sends },
  telemetryReceipt: { coordinator: sends, device: hears },
  manifest: { ...all, coordinator: [...keeps, ...hears], device: hears },
  adapterChunk: { ...all, coordinator: [...keeps, ...hears], device: hears },
  roundsStart: { operator: sends, coordinator: hears },
  roundsStop: { operator: sends, coordinator: hears },
  roundsStatus: { ...all, coordinator: [...keeps, ...hears] },
  roundsResult: { ...all, coordinator: [...keeps, ...hears] },
  roundsRefused: { ...all, coordinator: [...sends, ...hears] },
  roundsCoordinator: { ...all, coordinator: [...keeps, 'will', ...hears] },
};

export const topicKinds = Object.keys(rules) as TopicKind[];

/** Filters of all topics of a kind; of one device where the kind has a device in its topic. */
export function filtersOf(device: string, fleet = '+'): Record<TopicKind, string> {
  const topics = topicsOf(fleet);
  return {
    presence: topics.presence(device),
    task: topics.task(device),
    update: topics.updates(device),
    receipt: topics.receipt(device),
    telemetry: topics.telemetry(device),
    telemetryReceipt: topics.telemetryReceipt(device),
    manifest: topics.allManifests,
    adapterChunk: topics.allAdapterChunks,
    roundsStart: topics.roundsStart,
    roundsStop: topics.roundsStop,
    roundsStatus: topics.roundsStatus,
    roundsResult: topics.roundsResult,
    roundsRefused: topics.roundsRefused,
    roundsCoordinator: topics.roundsCoordinator,
  };
}

/** Whether a peer has a right at a topic. */
export function may({ role, id }: Identity, right: Right, topic: string): boolean {
  const match = matchTopic(topic);
  if (!match || !rules[match.kind][role]?.includes(right)) return false;
  return role !== 'device' || !('device' in match) || match.device === id;
}

/** Whether what is published there is a trigger: it starts or stops a run. */
export function isTrigger(topic: string): boolean {
  const kind = matchTopic(topic)?.kind;
  return kind === 'roundsStart' || kind === 'roundsStop';
}

/**
 * A filter is allowed only if all that it can match is. Where nothing is proven, an operator on this machine may
 * listen to everything, as anybody there could be anybody.
 */
export function maySubscribe(identity: Identity, filter: string): boolean {
  if (filter.startsWith('$')) return false; // The broker's own topics, and shared subscriptions.
  if (identity.role === 'operator' && identity.local) return true;
  const narrow = filter.split('/');
  return patternsOf(identity).some((wide) => coversLevels(wide, narrow));
}

/** Levels of what a role may receive; made once for each peer, as one may ask for a thousand filters. */
function patternsOf(identity: Identity): string[][] {
  const known = patterns.get(identity);
  if (known) return known;
  const { role, id } = identity;
  const filters = filtersOf(role === 'device' ? id : '+');
  const made = topicKinds
    .filter((kind) => rules[kind][role]?.includes('receive'))
    .map((kind) => filters[kind].split('/'));
  patterns.set(identity, made);
  return made;
}

const patterns = new WeakMap<Identity, string[][]>();

/** Whether every topic that `filter` matches is matched by `pattern`, which has `+` but no `#`. */
export const covers = (pattern: string, filter: string) =>
  coversLevels(pattern.split('/'), filter.split('/'));

const coversLevels = (wide: readonly string[], narrow: readonly string[]) =>
  wide.length === narrow.length &&
  wide.every((level, i) => level === narrow[i] || (level === '+' && narrow[i] !== '#'));
