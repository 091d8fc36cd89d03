import { matchTopic, type TopicMatch, topicsOf } from '../schemas/topics.js';

export const roles = ['device', 'coordinator', 'operator', 'viewer'] as const;
export type Role = (typeof roles)[number];

/** Who is at the other end of a connection. */
export interface Peer {
  role: Role;
  clientId: string;
  /** Connected from this machine. */
  local: boolean;
}

/**
 * Who may publish and who may subscribe to a kind of topic; a device only to those with its own name in them.
 */
interface Access {
  publish: readonly Role[];
  subscribe: readonly Role[];
}

const readers = ['coordinator', 'operator', 'viewer'] as const;

/** The topic rules: DESIGN's table of topics, `from → to`. */
const access: Record<TopicMatch['kind'], Access> = {
  presence: { publish: ['device'], subscribe: readers },
  task: { publish: ['coordinator'], subscribe: ['device'] },
  update: { publish: ['device'], subscribe: ['coordinator'] },
  receipt: { publish: ['coordinator'], subscribe: ['device'] },
  telemetry: { publish: ['device'], subscribe: readers },
  telemetryReceipt: { publish: ['coordinator'], subscribe: ['device'] },
  manifest: { publish: ['coordinator'], subscribe: roles },
  adapterChunk: { publish: ['coordinator'], subscribe: roles },
  roundsStart: { publish: ['operator'], subscribe: ['coordinator'] },
  roundsStop: { publish: ['operator'], subscribe: ['coordinator'] },
  roundsStatus: { publish: ['coordinator'], subscribe: roles },
  roundsResult: { publish: ['coordinator'], subscribe: roles },
  roundsRefused: { publish: ['coordinator'], subscribe: roles },
};

/**
 * All topics of a kind, in any fleet, as a filter; of one device where the kind has a device in its topic.
 */
const any = topicsOf('+');
const filters: Record<TopicMatch['kind'], (device: string) => string> = {
  presence: any.presence,
  task: any.task,
  update: any.updates,
  receipt: any.receipt,
  telemetry: any.telemetry,
  telemetryReceipt: any.telemetryReceipt,
  manifest: () => any.allManifests,
  adapterChunk: () => any.allAdapterChunks,
  roundsStart: () => any.roundsStart,
  roundsStop: () => any.roundsStop,
  roundsStatus: () => any.roundsStatus,
  roundsResult: () => any.roundsResult,
  roundsRefused: () => any.roundsRefused,
};

export function mayPublish(peer: Peer, topic: string): boolean {
  const match = matchTopic(topic);
  if (!match || !access[match.kind].publish.includes(peer.role)) return false;
  return peer.role !== 'device' || ('device' in match && match.device === peer.clientId);
}

/** Whether a peer may clear a retained message of others: an operator the presence of a board that is gone. */
export const mayClear = (peer: Peer, topic: string) =>
  peer.role === 'operator' && matchTopic(topic)?.kind === 'presence';

/** Whether what is published there is a trigger: it starts or stops a run. */
export function isTrigger(topic: string): boolean {
  const kind = matchTopic(topic)?.kind;
  return kind === 'roundsStart' || kind === 'roundsStop';
}

/**
 * A filter is allowed only if all that it can match is. An operator on this machine may listen to everything.
 */
export function maySubscribe(peer: Peer, filter: string): boolean {
  if (filter.startsWith('$')) return false; // The broker's own topics.
  if (peer.role === 'operator' && peer.local) return true;
  const device = peer.role === 'device' ? peer.clientId : '+';
  return (Object.keys(access) as TopicMatch['kind'][]).some(
    (kind) => access[kind].subscribe.includes(peer.role) && covers(filters[kind](device), filter),
  );
}

/** Whether every topic that `filter` matches is matched by `pattern`, which has `+` but no `#`. */
export function covers(pattern: string, filter: string): boolean {
  const wide = pattern.split('/');
  const narrow = filter.split('/');
  return (
    wide.length === narrow.length &&
    wide.every((level, i) => level === narrow[i] || (level === '+' && narrow[i] !== '#'))
  );
}
