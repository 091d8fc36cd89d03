import { type T5Config, tensorShapes } from './config.js';
import type { FrozenWeights } from './frozen.js';
import { fits, type Quantized, quantize } from './quantize.js';
import { readWeight, type WeightIndex } from './weights.js';

export interface Frozen {
  weights: FrozenWeights;
  /** What is held in few bits: numbers, and the bytes that they take. A session takes copies of its own. */
  numbers: number;
  bytes: number;
  /** Of reading and rounding. */
  ms: number;
}

/**
 * The linear weights of all blocks in 8 or 4 bits, read and rounded one after the other, so that one is held in
 * float32 at a time. With 4 bits the decoder's self-attention and feed-forward keep 8: no others cost the gradient as
 * much, and a decoder has few rows. Embedding, head, norms and what is no whole number of blocks stay as they are on disk.
 */
export async function freeze(
  folder: string,
  config: T5Config,
  weights: WeightIndex,
  baseBits: '8' | '4',
): Promise<Frozen> {
  const from = performance.now();
  const frozen = new Map<string, Quantized>();
  const total = { numbers: 0, bytes: 0 };
  for (const [name, shape] of tensorShapes(config)) {
    if (!isLinear(name)) continue;
    const [rows, columns] = shape as [number, number];
    const bits = bitsOf(name, baseBits);
    if (!fits(bits, [rows, columns])) continue;
    const q = quantize(bits, await readWeight(folder, weights.get(name)!), rows, columns);
    frozen.set(name.replace(/\.weight$/, ''), q);
    total.numbers += rows * columns;
    total.bytes += q.packed.byteLength + q.scales.byteLength + (q.zeros?.byteLength ?? 0);
  }
  return { weights: frozen, ...total, ms: performance.now() - from };
}

/** Bits that a linear weight is held in. */
export const bitsOf = (name: string, baseBits: '8' | '4') =>
  baseBits === '8' || isDecodersOwn(name) ? 8 : 4;

export const isLinear = (name: string) =>
  /\.(SelfAttention|EncDecAttention)\.[qkvo]\.|\.DenseReluDense\./.test(name);
const isDecodersOwn = (name: string) => /^decoder\..*\.(SelfAttention|DenseReluDense)\./.test(name);
