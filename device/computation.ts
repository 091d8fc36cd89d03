import { within } from '../runtime/limit.js';
import type { Measures, Task } from '../schemas/messages.js';
import { Refusal } from '../schemas/refusal.js';
import { decodeSafetensors, type NamedTensors } from '../schemas/tensors.js';
import type { Measure, Spent } from './energy.js';
import type { Inventory } from './inventory.js';
import { mfuOf, type Peak } from './peak.js';
import type { Trainer } from './trainer.js';
import type { Progress } from './trainer-messages.js';

/** What a task's computation needs of the device. */
export interface Workbench {
  inventory: Inventory;
  trainer: Trainer;
  /** Starts to measure energy. */
  measure: Measure;
  /** What the processor can do at most, as its power mode is now. */
  peak(): Promise<Peak | undefined>;
  progress(step: DoneStep): void;
}

/** A step with what it took; undefined: nobody measured it. */
export interface DoneStep extends Progress {
  atMs: number;
  watts: number | undefined;
  powerSource: string | undefined;
  mfu: number | undefined;
}

/** A sensor that hangs holds up the end of a task no longer. */
const tellLimitMs = 2_000;

export type Made = { tensors: NamedTensors; measures: Measures };

/** A task's computation, with what it took of the board's power and what the board could do at most. */
export async function compute(
  task: Task,
  bench: Workbench,
  base: Uint8Array | undefined,
  stop: AbortSignal,
): Promise<Made> {
  const peak = task.key.kind === 'train' ? await bench.peak() : undefined;
  const measuring = bench.measure();
  let telling = Promise.resolve();
  const done = async (step: Progress, atMs: number) => {
    const watts = await measuring.lap().catch(() => undefined);
    const mfu = mfuOf(step.flops, step.ms / 1000, peak);
    bench.progress({ ...step, atMs, watts, powerSource: measuring.source, mfu });
  };
  let made: Made;
  let spent: Spent | undefined;
  try {
    made = await make(task, bench, base, stop, (step) => {
      const atMs = Date.now();
      telling = telling.then(() => done(step, atMs));
    });
  } finally {
    spent = await measuring.end().catch(() => undefined);
    await within(tellLimitMs, telling);
  }
  return { ...made, measures: { ...made.measures, ...energyOf(spent), ...peakOf(peak) } };
}

function energyOf(spent: Spent | undefined): Partial<Measures> {
  if (!spent) return {};
  const { joules, watts, idleWatts, source } = spent;
  return { joules, watts, powerSource: source, ...(idleWatts === undefined ? {} : { idleWatts }) };
}

const peakOf = (peak: Peak | undefined): Partial<Measures> =>
  peak ? { peakGflops: peak.gflops, peakSource: peak.source } : {};

async function make(
  task: Task,
  { trainer, inventory }: Workbench,
  base: Uint8Array | undefined,
  stop: AbortSignal,
  progress: (step: Progress) => void,
): Promise<Made> {
  stop.throwIfAborted();
  if (!base) return { tensors: await trainer.init(task), measures: noMeasures };
  const adapter = decodeSafetensors(base, `adapter version ${task.baseVersion}`);
  if (task.key.kind === 'evaluate') {
    const shard = inventory.shard('evaluation', task.evaluationExamples);
    return { tensors: new Map(), measures: await trainer.evaluate(task, adapter, shard) };
  }
  const { delta, measures } = await trainer.train(task, adapter, inventory.shard('data'), progress);
  if (!Number.isFinite(measures.loss))
    throw new Refusal('training diverged: its loss is not a number; try a lower learningRate');
  return { tensors: delta, measures };
}

export const noMeasures: Measures = {
  examples: 0,
  steps: 0,
  tokens: 0,
  labelTokens: 0,
  loss: 0,
  seconds: 0,
  bytesDown: 0,
};
