import type { T5Config } from './config.js';
import type { Adapted } from './lora.js';

/** A T5's sizes by their letters in the formula. */
export interface Geometry {
  vocabulary: number;
  dModel: number;
  /** dKv · heads */
  inner: number;
  dFf: number;
  encoderLayers: number;
  decoderLayers: number;
  /** Three feed-forward matrices a layer (T5 v1.1, FLAN-T5), not two (v1.0). */
  gated: boolean;
}

export const geometryOf = ({ vocabSize, dModel, dKv, heads, dFf, ...rest }: T5Config): Geometry => ({
  vocabulary: vocabSize,
  dModel,
  inner: dKv * heads,
  dFf,
  encoderLayers: rest.encoderLayers,
  decoderLayers: rest.decoderLayers,
  gated: rest.gated,
});

/**
 * Floating-point operations of one sample's forward pass by the formula, never by the graph's own count: a wasteful
 * graph would score better. With S source and T target tokens, and 4 for 6 where the feed-forward is not gated:
 * L(8Sdi + 4S²i + 6Sdf) + L(8Tdi + 4T²i + 6Tdf) + L(4Tdi + 4Sdi + 4STi) + 2TdV. A tied head costs the same.
 * @param source tokens that are not padding
 * @param target tokens that are not padding
 */
export function forwardFlops(geometry: Geometry, source: number, target: number): number {
  const { vocabulary: V, dModel: d, inner: i, dFf: f, encoderLayers, decoderLayers, gated } = geometry;
  const [S, T, feedForward] = [source, target, gated ? 6 : 4];
  const encoder = 8 * S * d * i + 4 * S * S * i + feedForward * S * d * f;
  const decoder = 8 * T * d * i + 4 * T * T * i + feedForward * T * d * f;
  const cross = 4 * T * d * i + 4 * S * d * i + 4 * S * T * i;
  return encoderLayers * encoder + decoderLayers * (decoder + cross) + 2 * T * d * V;
}

/**
 * One sample's LoRA step: twice the forward pass, for frozen matrices have no weight gradients, and the adapters' own.
 * @param targets last names of the adapted modules, as in PEFT
 */
export const loraStepFlops = (
  geometry: Geometry,
  source: number,
  target: number,
  rank: number,
  targets: readonly string[],
): number =>
  2 * forwardFlops(geometry, source, target) + adapterFlops(geometry, source, target, rank, targets);

/**
 * The same for an adapter whose modules have ranks of their own, by the numbers that it has.
 * @returns operations of a sample by its tokens
 */
export function adapterStepFlops(
  geometry: Geometry,
  modules: ReadonlyMap<string, Pick<Adapted, 'in' | 'out' | 'rank'>>,
): (source: number, target: number) => number {
  const numbers = { source: 0, target: 0 };
  for (const [module, { in: inner, out, rank }] of modules) {
    const ofSource = module.startsWith('encoder.') || /\.EncDecAttention\.[kv]$/.test(module);
    numbers[ofSource ? 'source' : 'target'] += rank * (inner + out);
  }
  return (source, target) =>
    2 * forwardFlops(geometry, source, target) + 6 * (numbers.source * source + numbers.target * target);
}

/** Operations that one run of a training graph is for. Its thousands of nodes take some 10 ms whatever their size. */
const runFlops = 150e9;

/**
 * Rows that a run of the graph takes: the fewest with which the price of its nodes does not show (1 or 2 % of a step). More
 * would be no faster, and activations are most of what a step takes of memory.
 * @param sampleFlops of a row, as of `loraStepFlops`
 */
export const rowsOfRun = (sampleFlops: number): number => Math.ceil(runFlops / sampleFlops);

/** One sample's step that trains every weight. */
export const fullStepFlops = (geometry: Geometry, source: number, target: number): number =>
  3 * forwardFlops(geometry, source, target);

/** x Aᵀ and (x Aᵀ) Bᵀ take 2r(in + out) for each row that passes a module, their gradients twice that. */
function adapterFlops(
  { vocabulary, dModel, inner, dFf, encoderLayers, decoderLayers }: Geometry,
  source: number,
  target: number,
  rank: number,
  targets: readonly string[],
): number {
  const own = source * encoderLayers + target * decoderLayers;
  // Across, queries and outputs have target rows; keys and values those of the encoder's memory.
  const query = { rows: own + target * decoderLayers, width: dModel + inner };
  const key = { rows: own + source * decoderLayers, width: dModel + inner };
  const feedForward = { rows: own, width: dModel + dFf };
  const modules: Record<string, { rows: number; width: number }> = {
    q: query,
    k: key,
    v: key,
    o: query,
    wi: feedForward,
    wi_0: feedForward,
    wi_1: feedForward,
    wo: feedForward,
    lm_head: { rows: target, width: dModel + vocabulary },
  };
  return targets.reduce((sum, name) => {
    const { rows, width } = modules[name] ?? { rows: 0, width: 0 };
    return sum + 6 * rank * width * rows;
  }, 0);
}
