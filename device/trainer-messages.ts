import type { EngineOptions } from '../schemas/engine-settings.js';
import type { Measures, Task } from '../schemas/messages.js';
import type { LogSettings } from '../schemas/service-settings.js';
import type { NamedTensors } from '../schemas/tensors.js';
import type { Padded } from './engine/engine.js';

export type { Padded };

/** What goes between the device service and its trainer process: structured clones over the IPC channel. */

/** A text and its summary, without the task's prefix. */
export interface Example {
  source: string;
  target: string;
}

export interface Progress {
  step: number;
  steps: number;
  loss: number;
  ms: number;
  tokensPerSecond: number;
  /** By the formula, padding not counted. */
  flops: number;
}

/** Where a job's examples are. The trainer reads them itself: no text passes through the device service. */
export interface ShardFile {
  path: string;
  /** '': found by its name. */
  dialogueField: string;
  summaryField: string;
  /** The first so many are used; absent: all. */
  limit?: number;
}

/** A task with what the device has for it. `rows`: a run of the graph takes at most so many; absent: a whole batch. */
export type TrainerJob =
  | { kind: 'init'; task: Task }
  | { kind: 'train'; task: Task; adapter: NamedTensors; shard: ShardFile; rows?: number }
  | { kind: 'evaluate'; task: Task; adapter: NamedTensors; shard: ShardFile; rows?: number };

/** init: tensors; train: local − global and measures; evaluate: measures. */
export type TrainerResult =
  | { kind: 'init'; tensors: NamedTensors }
  | { kind: 'train'; delta: NamedTensors; measures: Measures }
  | { kind: 'evaluate'; measures: Measures };

/**
 * `open` comes once, first, and has no answer of its own; then jobs, the next only after the last was
 * answered.
 */
export type TrainerRequest =
  | {
      kind: 'open';
      model: string;
      engine: EngineOptions & { threads: number };
      logging: Partial<LogSettings>;
    }
  | { kind: 'job'; job: TrainerJob };

/**
 * Each job has any number of `running` (the batch that comes next) and `progress`, and ends with `done` or `failed`;
 * a failed process may take another job. `worn`: why this one should take no other; '' when it may.
 */
export type TrainerReply =
  | { kind: 'progress'; progress: Progress }
  | { kind: 'running'; batch: Padded }
  | { kind: 'done'; result: TrainerResult; peakRssBytes: number; worn: string }
  | { kind: 'failed'; message: string; outOfMemory: boolean };
