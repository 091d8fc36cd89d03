import type { RunSettings } from './run-settings.js';

/** Means over the evaluated examples of all devices. Loss per label token; ROUGE F-measures 0..100. */
export interface Score {
  loss: number;
  rouge1: number;
  rouge2: number;
  rougeL: number;
  examples: number;
}

/** What a round came to. Numbers that nobody measured are null. */
export interface RoundRecord {
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
  /** Sum over the devices with a sensor; null when none has one. */
  joules: number | null;
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
  /** Path relative to the run's folder, as PEFT reads it; null when there is none. */
  adapter: { path: string; version: number; sha256: string } | null;
}

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
