import { random, shuffled } from '../../schemas/random.js';
import type { T5Config } from './config.js';
import type { Feeds } from './session.js';
import { masked, relativeBuckets } from './t5.js';

/** Token ids of a source and its summary, each with the end token. */
export interface Encoded {
  source: readonly number[];
  target: readonly number[];
}

const paddingMultiple = 8;
const windowBatches = 16;

/**
 * One pass over the examples in batches of like lengths: examples are shuffled, sorted by length within windows of 16
 * batches, and the batches shuffled again. Pure in the seed.
 */
export function plannedBatches<T extends Encoded>(
  examples: readonly T[],
  batchSize: number,
  seed: string,
): T[][] {
  const next = random(seed);
  const order = shuffled(examples, next);
  const batches: T[][] = [];
  for (let from = 0; from < order.length; from += batchSize * windowBatches) {
    const window = order.slice(from, from + batchSize * windowBatches).sort((a, b) => length(a) - length(b));
    for (let at = 0; at < window.length; at += batchSize) batches.push(window.slice(at, at + batchSize));
  }
  return shuffled(batches, next);
}

const length = ({ source, target }: Encoded) => source.length + target.length / 1000;

export interface Padded {
  rows: number;
  source: number;
  target: number;
}

/** Sizes of a batch once padded: [rows, source] and [rows, target]. */
export function paddedSize(batch: readonly Encoded[]): Padded {
  const longest = (lengths: number[]) => Math.ceil(Math.max(...lengths) / paddingMultiple) * paddingMultiple;
  return {
    rows: batch.length,
    source: longest(batch.map(({ source }) => source.length)),
    target: longest(batch.map(({ target }) => target.length)),
  };
}

/** Source ids with their mask and buckets. */
export function sourceFeeds(config: T5Config, batch: readonly Encoded[]): Feeds {
  const { rows, source } = paddedSize(batch);
  const mask = new Float32Array(rows * source).fill(masked);
  for (const [row, { source: ids }] of batch.entries()) mask.fill(0, row * source, row * source + ids.length);
  return {
    source: {
      shape: [rows, source],
      data: padded(
        batch.map((e) => e.source),
        source,
        config.padId,
      ),
    },
    sourceMask: { shape: [rows, 1, 1, source], data: mask },
    sourceBuckets: { shape: [source, source], data: relativeBuckets(config, true, source, source) },
  };
}

/**
 * Decoder ids (labels shifted right behind the start token), labels, and each label's weight in the loss: 1 over the
 * label tokens of all batches that make one optimizer step, 0 for padding.
 */
export function targetFeeds(config: T5Config, batch: readonly Encoded[], labelTokens: number): Feeds {
  const { rows, target } = paddedSize(batch);
  const shifted = batch.map(({ target: ids }) => [config.startId, ...ids.slice(0, -1)]);
  const weights = new Float32Array(rows * target);
  for (const [row, { target: ids }] of batch.entries())
    weights.fill(1 / labelTokens, row * target, row * target + ids.length);
  const causal = new Float32Array(target * target);
  for (let query = 0; query < target; query++)
    causal.fill(masked, query * target + query + 1, (query + 1) * target);
  return {
    target: { shape: [rows, target], data: padded(shifted, target, config.padId) },
    targetBuckets: { shape: [target, target], data: relativeBuckets(config, false, target, target) },
    causalMask: { shape: [1, 1, target, target], data: causal },
    labels: {
      shape: [rows * target],
      data: padded(
        batch.map((e) => e.target),
        target,
        config.padId,
      ),
    },
    labelWeights: { shape: [rows * target], data: weights },
  };
}

export const labelTokens = (batch: readonly Encoded[]) =>
  batch.reduce((sum, { target }) => sum + target.length, 0);
export const tokens = (batch: readonly Encoded[]) =>
  batch.reduce((sum, e) => sum + e.source.length + e.target.length, 0);

function padded(rows: readonly (readonly number[])[], width: number, padId: number): BigInt64Array {
  const data = new BigInt64Array(rows.length * width).fill(BigInt(padId));
  for (const [row, ids] of rows.entries()) {
    for (const [i, id] of ids.entries()) data[row * width + i] = BigInt(id);
  }
  return data;
}
