/**
 * One round of tasks as a pure state machine: who was asked, who answered, when it is over. Clock and chance
 * are arguments. Invariant: a device is in at most one of `received` and `failed`, and was invited.
 */
interface Asked {
  readonly invited: readonly string[];
  /** Devices whose update is on disk and passed the checks, in order of arrival. */
  readonly received: readonly string[];
  /** device → why its update or task does not count. */
  readonly failed: Readonly<Record<string, string>>;
}

export type Round =
  | (Asked & { readonly phase: 'open'; readonly deadlineMs: number })
  | (Asked & { readonly phase: 'closed' })
  | (Asked & { readonly phase: 'failed'; readonly reason: string });

type OpenRound = Extract<Round, { phase: 'open' }>;

export type RoundEvent =
  | { kind: 'accepted'; deviceId: string }
  | { kind: 'failed'; deviceId: string; reason: string }
  | { kind: 'tick'; nowMs: number }
  | { kind: 'cancelled'; reason: string }
  /** The coordinator was away: that time does not count against the deadline. */
  | { kind: 'resumed'; downtimeMs: number };

export interface RoundRules {
  /** Updates without which the round fails; 0: it closes with whatever came. */
  needed: number;
}

/** Devices that a quorum asks for: at least one. */
export const quorumOf = (quorum: number, invited: number) => Math.max(1, Math.ceil(quorum * invited - 1e-9));

export function openRound(invited: readonly string[], deadlineMs: number, rules: RoundRules): Round {
  return settled({ phase: 'open', invited, received: [], failed: {}, deadlineMs }, rules);
}

/** The round after an event. One that is over stays as it is; so does one whose event says nothing new. */
export function advance(round: Round, event: RoundEvent, rules: RoundRules): Round {
  if (round.phase !== 'open') return round;
  switch (event.kind) {
    case 'accepted':
      if (!isOutstanding(round, event.deviceId)) return round; // QoS 1 may deliver twice.
      return settled({ ...round, received: [...round.received, event.deviceId] }, rules);
    case 'failed':
      if (!isOutstanding(round, event.deviceId)) return round;
      return settled({ ...round, failed: { ...round.failed, [event.deviceId]: event.reason } }, rules);
    case 'tick':
      return event.nowMs < round.deadlineMs ? round : over(late(round), rules);
    case 'cancelled':
      return failed(round, event.reason);
    case 'resumed':
      return { ...round, deadlineMs: round.deadlineMs + event.downtimeMs };
  }
}

/** Invited devices that have neither answered nor failed. */
export const outstanding = (round: Asked) => round.invited.filter((id) => isOutstanding(round, id));

const isOutstanding = (round: Asked, id: string) =>
  round.invited.includes(id) && !round.received.includes(id) && !Object.hasOwn(round.failed, id);

/**
 * Over at once when nobody is left to wait for, or when those who are left can't make the quorum any more.
 */
function settled(round: OpenRound, rules: RoundRules): Round {
  const left = outstanding(round).length;
  return left === 0 || round.received.length + left < rules.needed ? over(round, rules) : round;
}

function late(round: OpenRound): OpenRound {
  const missing = outstanding(round).map((id) => [id, 'no answer by the deadline']);
  return { ...round, failed: { ...round.failed, ...Object.fromEntries(missing) } };
}

function over(round: OpenRound, rules: RoundRules): Round {
  const { invited, received, failed: reasons } = round;
  if (received.length >= rules.needed) return { phase: 'closed', invited, received, failed: reasons };
  const told = Object.entries(reasons).map(([id, reason]) => `${id}: ${reason}`);
  const counts = `${received.length} of ${invited.length} devices answered, ${rules.needed} needed`;
  return failed(round, [counts, ...told.slice(0, 5)].join('; '));
}

const failed = ({ invited, received, failed }: Asked, reason: string): Round => ({
  phase: 'failed',
  invited,
  received,
  failed,
  reason,
});
