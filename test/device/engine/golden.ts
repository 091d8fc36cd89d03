import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Encoded, ignored } from '../../../device/engine/batches.js';
import { readConfig, type T5Config, tensorShapes } from '../../../device/engine/config.js';
import type { SessionSettings } from '../../../device/engine/session.js';
import { readWeight, readWeightIndex, type WeightIndex } from '../../../device/engine/weights.js';
import type { Lora } from '../../../schemas/messages.js';
import { decodeSafetensors, type NamedTensors } from '../../../schemas/tensors.js';

/** Where PyTorch, transformers and peft wrote what they computed (make.py beside it says how). */
const goldens = 'test/device/engine/goldens';
export const versions = ['t5-v1.0', 't5-v1.1'] as const;
export type Start = 'base' | 'adapter' | 'adapter-all';
export type Length = 'short' | 'long';

export interface Case {
  inputIds: number[][];
  attentionMask: number[][];
  labels: number[][];
}

interface Losses {
  loss: number[];
  learningRate: number[];
  gradNorm: number[];
}

/** golden.json as it is on disk. */
export interface Reference {
  cases: Record<Length, Case>;
  loss: Record<Length, Record<Start, number>>;
  training: {
    optimizer: Record<
      'learningRate' | 'beta1' | 'beta2' | 'epsilon' | 'weightDecay' | 'maxGradNorm',
      number
    > & { warmupSteps: number; totalSteps: number };
    microBatches: Case[];
    lora: Losses;
    'lora-all': Losses;
    full: Losses;
  };
  generation: { maxNewTokens: number; base: number[][]; adapter: number[][] };
}

/** A tiny model with its reference values. */
export interface Golden {
  folder: string;
  config: T5Config;
  weights: WeightIndex;
  reference: Reference;
  /** Reference logits and gradients. */
  tensors: NamedTensors;
  session: SessionSettings;
}

export async function readGolden(version: (typeof versions)[number]): Promise<Golden> {
  const folder = join(goldens, version);
  const config = await readConfig(folder);
  return {
    folder,
    config,
    weights: await readWeightIndex(folder, config),
    reference: JSON.parse(await readFile(join(folder, 'golden.json'), 'utf8')),
    tensors: decodeSafetensors(await readFile(join(folder, 'golden.safetensors')), 'golden.safetensors'),
    session: { folder, threads: 2, spinning: false },
  };
}

export function loraOf({ config }: Golden, start: Start): Lora | undefined {
  if (start === 'base') return undefined;
  if (start === 'adapter') return { rank: 4, alpha: 8, targets: ['q', 'v'] };
  const feedForward = config.gated ? ['wi_0', 'wi_1', 'wo'] : ['wi', 'wo'];
  return { rank: 2, alpha: 3, targets: ['q', 'k', 'v', 'o', ...feedForward] };
}

/** What is trained: the adapter's matrices, or every weight of the base. */
export async function trainable(
  { folder, config, weights }: Pick<Golden, 'folder' | 'config' | 'weights'>,
  start: Start,
): Promise<NamedTensors> {
  if (start !== 'base') {
    const file = join(folder, start, 'adapter_model.safetensors');
    return decodeSafetensors(await readFile(file), file);
  }
  const all: NamedTensors = new Map();
  for (const [name, shape] of tensorShapes(config)) {
    all.set(name, { shape, data: await readWeight(folder, weights.get(name)!) });
  }
  return all;
}

/** A padded case of PyTorch's as the engine's examples: labels of -100 behind the last are padding. */
export const examplesOf = ({ inputIds, attentionMask, labels }: Case): Encoded[] =>
  inputIds.map((ids, row) => ({
    source: ids.filter((_, i) => attentionMask[row]![i] === 1),
    target: labels[row]!.slice(0, labels[row]!.findLastIndex((id) => id !== ignored) + 1),
  }));

/** ‖a − b‖ / ‖b‖ */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let [difference, size] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    size += b[i]! ** 2;
  }
  return Math.sqrt(difference / size);
}
