import { readFile } from 'node:fs/promises';
import { decode } from '../schemas/codec.js';
import { decodeTensors } from '../schemas/codecs.js';
import type { Measures } from '../schemas/messages.js';
import { adapterConfig } from '../schemas/peft.js';
import type { RunSettings } from '../schemas/run-settings.js';
import type { NamedTensors } from '../schemas/tensors.js';
import { weightedMean } from './aggregate.js';
import { serverStep, usualRate } from './optimizers.js';
import type { RunState, Stage } from './run.js';
import type { RunStore } from './run-store.js';
import { loraOf } from './tasks.js';

/**
 * Makes the next version from the updates of a closing set and writes it to disk: a pure function of the
 * spool and the version before, so doing it again after a crash writes the same bytes.
 */
export async function makeVersion(
  store: RunStore,
  state: RunState,
  stage: Stage,
  contributors: readonly string[],
): Promise<{ version: number; sha256: string }> {
  const { settings } = state;
  if (stage.kind === 'init') {
    const { tensors } = await readUpdate(store.updatePath(stage, contributors[0]!));
    return { version: 0, ...(await store.writeVersion(0, tensors, new Map())) };
  }
  const answers = state.step.phase === 'making' ? state.step.answers : {};
  const delta = await weightedMean(
    contributors.map((deviceId) => {
      const answer = answers[deviceId];
      if (!answer?.accepted) throw new Error(`${deviceId} contributes without an accepted update`);
      const read = async () => (await readUpdate(store.updatePath(stage, deviceId))).tensors;
      return { deviceId, weight: weightOf(answer.measures, settings), read };
    }),
  );
  const { adapter, state: moments } = serverStep(
    settings.optimizer,
    await store.readVersion(state.version),
    delta,
    await store.readOptimizer(state.version),
    {
      learningRate: settings.serverLearningRate || usualRate(settings.optimizer),
      momentum: settings.momentum,
      beta1: settings.beta1,
      beta2: settings.beta2,
      tau: settings.tau,
      weightDecay: settings.serverWeightDecay,
    },
  );
  const version = state.version + 1;
  return { version, ...(await store.writeVersion(version, adapter, moments)) };
}

/** A device says itself how much it trained on; a run of an older journal has no limit. */
const weightOf = ({ examples }: Measures, { maxWeight }: RunSettings) =>
  maxWeight > 0 ? Math.min(examples, maxWeight) : examples;

/** Text of adapter_config.json for a run's adapter. */
export const configOf = (settings: RunSettings) => adapterConfig(loraOf(settings));

async function readUpdate(path: string): Promise<{ tensors: NamedTensors }> {
  const update = decode('Update', await readFile(path), path);
  return { tensors: decodeTensors(update.codec, update.tensors) };
}
