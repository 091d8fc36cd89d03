import { told } from '../runtime/log.js';
import { encodeTensors } from '../schemas/codecs.js';
import type { Measures, Task, Update } from '../schemas/messages.js';
import type { NetworkProfile } from '../schemas/network-energy.js';
import { Refusal } from '../schemas/refusal.js';
import { compute, noMeasures, type Workbench } from './computation.js';
import type { Inventory } from './inventory.js';
import type { Pulled } from './pull.js';

/** What a task needs of the device. */
export interface Workshop extends Workbench {
  deviceId: string;
  /** The adapter that the task starts from. */
  pull(task: Task, signal: AbortSignal): Promise<Pulled>;
  /** Of the network's energy; undefined: none was set. */
  network: NetworkProfile | undefined;
}

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
  const fromMs = performance.now();
  let transfer: Partial<Measures> = shop.network ? { link: shop.network } : {};
  try {
    signal.throwIfAborted();
    await requireModel(task, shop.inventory);
    const base = task.key.kind === 'init' ? undefined : await shop.pull(task, stop.signal);
    if (base && base.payloadBytes > 0)
      transfer = { ...transfer, bytesDown: base.payloadBytes, downS: base.seconds };
    const { tensors, measures } = await compute(task, shop, base?.bytes, stop.signal);
    const workS = (performance.now() - fromMs) / 1000;
    return {
      ...undone(task, shop.deviceId, ''),
      tensors: encodeTensors(codec, tensors),
      measures: { ...measures, ...transfer, workS },
    };
  } catch (error) {
    signal.throwIfAborted();
    // What a stopped trainer says is not why it was stopped.
    const reason = told(stop.signal.aborted ? stop.signal.reason : error);
    return { ...undone(task, shop.deviceId, reason), measures: { ...noMeasures, ...transfer } };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** The answer to a task that was not done, with why. */
const undone = ({ key, baseVersion, baseSha256 }: Task, deviceId: string, failure: string): Update => ({
  ...{ key, deviceId, baseVersion, baseSha256, codec },
  tensors: [],
  measures: noMeasures,
  failure,
});

async function requireModel(task: Task, inventory: Inventory): Promise<void> {
  const { modelSha256 } = await inventory.take();
  if (modelSha256 === task.modelSha256) return;
  throw new Refusal(
    `the device's model is ${modelSha256.slice(0, 12)}…, the run's ${task.modelSha256.slice(0, 12)}…`,
  );
}
