/**
 * How transfers are sized: in batches, each finished before the next, because a socket that never drains is
 * cut.
 */

export const maxBatchChunks = 16;
/** A broker cuts a client whose socket does not drain within. */
export const drainLimitMs = 10_000;

/**
 * Chunks of the next batch: doubles while a batch takes less than a quarter of the drain limit, halves over a
 * half.
 */
export function nextBatchSize(size: number, tookMs: number): number {
  if (tookMs < drainLimitMs / 4) return Math.min(maxBatchChunks, size * 2);
  return tookMs > drainLimitMs / 2 ? Math.max(1, Math.floor(size / 2)) : size;
}

/** Wait before the try after `silences` unanswered ones, ms: doubles, bounded, its upper half by chance. */
export function retryMs(silences: number, firstMs: number, maxMs: number, random: number): number {
  return Math.min(maxMs, firstMs * 2 ** Math.min(silences, 20)) * (0.5 + random / 2);
}
