import { told } from '../runtime/log.js';
import { encodeTensors } from '../schemas/codecs.js';
import type { Measures, Task, Update } from '../schemas/messages.js';
import { Refusal } from '../schemas/refusal.js';
import { decodeSafetensors, type NamedTensors } from '../schemas/tensors.js';
import type { Measure } from './energy.js';
import type { Inventory } from './inventory.js';
import type { Pulled } from './pull.js';
import type { Trainer } from './trainer.js';
import type { Progress } from './trainer-messages.js';

/** What a task needs of the device. */
export interface Workshop {
  deviceId: string;
  inventory: Inventory;
  trainer: Trainer;
  /** The adapter that the task starts from. */
  pull(task: Task, signal: AbortSignal): Promise<Pulled>;
  /** Starts to measure energy. */
  measure: Measure;
  progress(progress: Progress): void;
}

type Made = { tensors: NamedTensors; measures: Measures };

const codec = 'f32';

/**
 * Does a task and answers with its update; what goes wrong is the update's `failure`. Its tensors are a
 * function of the adapter's bytes, the shard and the task alone.
 * @throws only the signal's reason
 */
export async function performTask(task: Task, shop: Workshop, signal: AbortSignal): Promise<Update> {
  const stop = new AbortController();
  const late = () => stop.abort(new Refusal(`the task's ${task.deadlineS} s have passed`));
  const timer = setTimeout(late, task.deadlineS * 1000);
  const onAbort = () => stop.abort(signal.reason);
  signal.addEventListener('abort', onAbort);
  stop.signal.addEventListener('abort', () => void shop.trainer.stop());
  const measuring = shop.measure();
  let bytesDown = 0;
  try {
    signal.throwIfAborted();
    await requireModel(task, shop.inventory);
    const base = task.key.kind === 'init' ? undefined : await shop.pull(task, stop.signal);
    bytesDown = base?.payloadBytes ?? 0;
    const { tensors, measures } = await make(task, shop, base?.bytes, stop.signal);
    const joules = (await measuring.end())?.joules;
    return {
      ...undone(task, shop.deviceId, ''),
      tensors: encodeTensors(codec, tensors),
      measures: { ...measures, bytesDown, ...(joules === undefined ? {} : { joules }) },
    };
  } catch (error) {
    await measuring.end();
    signal.throwIfAborted();
    // What a stopped trainer says is not why it was stopped.
    const reason = told(stop.signal.aborted ? stop.signal.reason : error);
    return { ...undone(task, shop.deviceId, reason), measures: { ...nothing, bytesDown } };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** The answer to a task that was not done, with why. */
export const undone = (
  { key, baseVersion, baseSha256 }: Task,
  deviceId: string,
  failure: string,
): Update => ({
  ...{ key, deviceId, baseVersion, baseSha256, codec },
  tensors: [],
  measures: nothing,
  failure,
});

async function make(
  task: Task,
  { trainer, inventory, progress }: Workshop,
  base: Uint8Array | undefined,
  stop: AbortSignal,
): Promise<Made> {
  stop.throwIfAborted();
  if (!base) return { tensors: await trainer.init(task), measures: nothing };
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

async function requireModel(task: Task, inventory: Inventory): Promise<void> {
  const { modelSha256 } = await inventory.take();
  if (modelSha256 === task.modelSha256) return;
  throw new Refusal(
    `the device's model is ${modelSha256.slice(0, 12)}…, the run's ${task.modelSha256.slice(0, 12)}…`,
  );
}

const nothing: Measures = {
  examples: 0,
  steps: 0,
  tokens: 0,
  labelTokens: 0,
  loss: 0,
  seconds: 0,
  bytesDown: 0,
};
