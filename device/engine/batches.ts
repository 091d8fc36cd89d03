import { random, shuffled } from '../../schemas/random.js';
import type { T5Config } from './config.js';
import { labelBlocks } from './loss.js';
import type { Feeds } from './session.js';
import { masked, relativeBuckets } from './t5.js';

/** A target token of which nothing is to be learned: PyTorch's and transformers' -100. */
export const ignored = -100;

/** Token ids of a source and its summary, each with the end token. */
export interface Encoded {
  source: readonly number[];
  target: readonly number[];
}

const paddingMultiple = 8;
const windowBatches = 64;
const groupings = [1, 2, 3];

/**
 * One pass over the examples, each once, in batches of like lengths: examples are shuffled, put into batches within
 * windows of 64 batches, and the batches shuffled again. Pure in the seed.
 *
 * Like lengths save padding and cost chance: what shares a batch is alike. A window is the compromise. All of a large
 * shard sorted at once would save 1 or 2 % more, and put the same examples together in each epoch; that is what
 * happens to a shard smaller than a window, where only ties and the order of the batches are left to the seed.
 */
export function plannedBatches<T extends Encoded>(
  examples: readonly T[],
  batchSize: number,
  seed: string,
): T[][] {
  const next = random(seed);
  const order = shuffled(examples, next);
  const batches: T[][] = [];
  for (const window of pieces(order, batchSize * windowBatches))
    batches.push(...likeBatches(window, batchSize));
  return shuffled(batches, next);
}

/**
 * Sorted by source, cut into groups of a few batches, each sorted by target and cut into batches: larger groups trade
 * source padding for target padding, and the size with the least of both is taken.
 */
function likeBatches<T extends Encoded>(window: readonly T[], batchSize: number): T[][] {
  const bySource = window.toSorted((a, b) => a.source.length - b.source.length);
  const plans = groupings.map((group) =>
    pieces(bySource, group * batchSize).flatMap((some) =>
      pieces(
        some.sort((a, b) => a.target.length - b.target.length),
        batchSize,
      ),
    ),
  );
  const sizes = plans.map(computedTokens);
  return plans[sizes.indexOf(Math.min(...sizes))]!;
}

/** The same batches, the one that takes most memory first: what runs out of it does so before time was spent. */
export function largestFirst<T extends Encoded>(batches: readonly T[][]): T[][] {
  const sizes = batches.map((batch) => computedTokens([batch]));
  const at = sizes.indexOf(Math.max(...sizes));
  return [...batches.slice(at, at + 1), ...batches.slice(0, Math.max(0, at)), ...batches.slice(at + 1)];
}

/**
 * A batch in parts of at most so many rows, as even as can be, of sources of like lengths: what one run of the graph
 * takes. Each part is padded to its own longest.
 */
export function microBatches<T extends Encoded>(batch: readonly T[], rows: number): T[][] {
  if (batch.length <= rows) return [[...batch]];
  const even = Math.ceil(batch.length / Math.ceil(batch.length / rows));
  return pieces(
    batch.toSorted((a, b) => b.source.length - a.source.length),
    even,
  );
}

/** Pieces of at most `size`, the last may be smaller. */
export function pieces<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
}

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

/** Source and target tokens that batches make the graph compute, padding counted. */
export function computedTokens(batches: readonly (readonly Encoded[])[]): number {
  return batches.reduce((sum, batch) => {
    const { rows, source, target } = paddedSize(batch);
    return sum + rows * (source + target);
  }, 0);
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
 * label tokens of all batches that make one optimizer step, 0 for padding and what is ignored, which the decoder reads
 * as padding.
 */
export function targetFeeds(config: T5Config, batch: readonly Encoded[], labelTokens: number): Feeds {
  const { rows, target } = paddedSize(batch);
  const labels = batch.map((e) => e.target.map((id) => (id === ignored ? config.padId : id)));
  const shifted = labels.map((ids) => [config.startId, ...ids.slice(0, -1)]);
  const weights = new Float32Array(rows * target);
  for (const [row, { target: ids }] of batch.entries()) {
    for (const [i, id] of ids.entries()) weights[row * target + i] = id === ignored ? 0 : 1 / labelTokens;
  }
  const causal = new Float32Array(target * target);
  for (let query = 0; query < target; query++)
    causal.fill(masked, query * target + query + 1, (query + 1) * target);
  return {
    target: { shape: [rows, target], data: padded(shifted, target, config.padId) },
    targetBuckets: { shape: [target, target], data: relativeBuckets(config, false, target, target) },
    causalMask: { shape: [1, 1, target, target], data: causal },
    labels: { shape: [rows * target], data: padded(labels, target, config.padId) },
    labelWeights: { shape: [rows * target], data: weights },
    ...labelBlocks(weights),
  };
}

export const labelTokens = (batch: readonly Encoded[]) =>
  batch.reduce((sum, { target }) => sum + target.filter((id) => id !== ignored).length, 0);
export const tokens = (batch: readonly Encoded[]) =>
  batch.reduce((sum, e) => sum + e.source.length + e.target.length, 0);

function padded(rows: readonly (readonly number[])[], width: number, padId: number): BigInt64Array {
  const data = new BigInt64Array(rows.length * width).fill(BigInt(padId));
  for (const [row, ids] of rows.entries()) {
    for (const [i, id] of ids.entries()) data[row * width + i] = BigInt(id);
  }
  return data;
}
