/** A T5 v1.1 geometry: sizes by their letters in the formula. */
export interface Geometry {
  vocabulary: number;
  dModel: number;
  /** dKv · heads */
  inner: number;
  dFf: number;
  /** Of each stack. */
  layers: number;
}

/**
 * Floating-point operations of one sample's LoRA step by the formula, never by the graph's own count: a wasteful graph
 * would score better. Twice the forward pass (no weight gradients for frozen matrices) and the adapters' own.
 * Forward, with S source and T target tokens:
 * L(8Sdi + 4S²i + 6Sdf) + L(8Tdi + 4T²i + 6Tdf) + L(4Tdi + 4Sdi + 4STi) + 2TdV.
 * @param rank of adapters on q and v
 */
export function loraStepFlops(geometry: Geometry, source: number, target: number, rank: number): number {
  const { vocabulary: V, dModel: d, inner: i, dFf: f, layers: L } = geometry;
  const [S, T] = [source, target];
  const encoder = L * (8 * S * d * i + 4 * S * S * i + 6 * S * d * f);
  const decoder = L * (8 * T * d * i + 4 * T * T * i + 6 * T * d * f);
  const cross = L * (4 * T * d * i + 4 * S * d * i + 4 * S * T * i);
  const head = 2 * T * d * V;
  // x Aᵀ and (x Aᵀ) Bᵀ take 2r(d + i) a row, their gradients twice that. Rows: q and v of both stacks, and across.
  const adapters = 6 * rank * (d + i) * L * (2 * S + 2 * T + (T + S));
  return 2 * (encoder + decoder + cross + head) + adapters;
}
