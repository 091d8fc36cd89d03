import type { RunSettings } from './run-settings.js';

/** Means over the evaluated examples of all devices. Loss per label token; ROUGE F-measures 0..100. */
export interface Score {
  loss: number;
  rouge1: number;
  rouge2: number;
  rougeL: number;
  examples: number;
}

/**
 * What a round or a run cost, by docs/metrics.md. Null: nobody measured it. Joules are of computation; tokens of training.
 */
export interface Costs {
  tokens: number | null;
  /** Training and evaluation, of the devices that measure them. */
  joules: number | null;
  /** Of them: by a model of the machine, not a sensor. */
  estimatedJoules: number | null;
  /** What they would have used idle in the same time; nothing of it is taken off. */
  idleJoules: number | null;
  /** By the profiles of the devices that have one. */
  networkJoules: number | null;
  /** η_e: of training, on devices that measure joules. */
  tokensPerJoule: number | null;
  joulesPerMb: number | null;
  /** T_comp and T_comm, seconds, and G, their quotient: means of the devices. */
  computeS: number | null;
  transferS: number | null;
  granularity: number | null;
  /** Of training: 0..1 */
  mfu: number | null;
}

/** A device's part in a round, or in all rounds of a run. Absent: nobody measured it. */
export interface DeviceCost {
  examples?: number;
  tokens?: number;
  /** Of its last round. */
  loss?: number;
  /** Of training. */
  seconds?: number;
  joules?: number;
  flops?: number;
  mfu?: number;
  evaluationS?: number;
  evaluationJoules?: number;
  /** Before the task, and what that makes in the time of the joules. */
  idleWatts?: number;
  idleJoules?: number;
  /** What told the joules; "estimate": a model. */
  source?: string;
  bytesUp: number;
  bytesDown: number;
  /** T_comm of both tasks. */
  transferS?: number;
  networkJoules?: number;
  granularity?: number;
}

/** Seconds of a round's parts: from the tasks' announcement to the last update, adding up, evaluation. */
export interface Phases {
  trainS: number | null;
  aggregateS: number | null;
  evaluateS: number | null;
}

/** A round of which nobody measured anything. */
export const unmeasured: Costs & Phases = {
  ...{ trainS: null, aggregateS: null, evaluateS: null, tokens: null, joules: null },
  ...{ estimatedJoules: null, idleJoules: null },
  ...{ networkJoules: null, tokensPerJoule: null, joulesPerMb: null, computeS: null, transferS: null },
  ...{ granularity: null, mfu: null },
};

/** What a round came to. Numbers that nobody measured are null. */
export interface RoundRecord extends Costs, Phases {
  round: number;
  state: 'closed' | 'failed';
  /** Why it failed; '' when it closed. */
  reason: string;
  invited: string[];
  /** Whose updates are in the new version, by name. */
  participants: string[];
  /** device → why its update or task did not count. */
  refused: Record<string, string>;
  trainLoss: number | null;
  evalLoss: number | null;
  rougeL: number | null;
  /** Payload bytes of the round's updates as received, and of what the devices report to have received. */
  bytesUp: number;
  bytesDown: number;
  seconds: number;
  /** device → its part; left out of a status, of a result that would be too large, and of old rounds of many devices. */
  perDevice?: Record<string, DeviceCost>;
  /** device → which batch its memory did not suffice for, and how the task was done; absent where none was short. */
  outOfMemory?: Record<string, string>;
  /** Adapter version after the round, and its file's SHA-256. */
  version: number;
  sha256: string;
}

/** `runs/<run>/summary.json`, and what `rounds/result` says when a run ends. */
export interface RunSummary {
  format: 1;
  run: string;
  state: 'completed' | 'failed' | 'stopped';
  reason: string;
  /** `dueAt`: when the schedule wanted it; `late`: the coordinator was away then. */
  trigger: { id: string; source: 'mqtt' | 'schedule'; dueAt: string | null; late: boolean };
  model: { sha256: string };
  settings: RunSettings;
  startedAt: string;
  endedAt: string;
  before: Score | null;
  after: Score | null;
  rounds: RoundRecord[];
  /** Of all its rounds; `perDevice` is left out of a result that would be too large. */
  costs: Costs;
  perDevice?: Record<string, DeviceCost>;
  /** Path relative to the run's folder, as PEFT reads it; null when there is none. */
  adapter: { path: string; version: number; sha256: string } | null;
}

/** Devices that were invited and whose update does not count. */
export const stragglersOf = ({ invited, participants }: Pick<RoundRecord, 'invited' | 'participants'>) =>
  invited.filter((id) => !participants.includes(id));

/** What `rounds/status` says, retained: enough for a live view. */
export interface FleetStatus {
  format: 1;
  state: 'idle' | 'waiting' | 'init' | 'training' | 'evaluating';
  run: string | null;
  /** Id of the trigger that `run` was started for; null where it had none. */
  trigger: string | null;
  round: number;
  rounds: number;
  /** Devices of the open round: invited, and those whose answer is in. */
  invited: string[];
  received: string[];
  deadlineAt: string | null;
  /** Why it waits or what failed last; '' when all is well. */
  note: string;
  before: Score | null;
  history: RoundRecord[];
  startedAt: string | null;
}

/** What `rounds/refused` says. */
export interface Refused {
  id: string | null;
  reason: string;
  at: string;
}

/** What `rounds/coordinator` says, retained: its birth, and by its will its death. */
export interface CoordinatorPresence {
  format: 1;
  online: boolean;
  /** Which one; another at each start. */
  by?: string;
}
