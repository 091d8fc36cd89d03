import type { Receipt } from '../schemas/messages.js';
import { nextBatchSize } from './batch.js';

/**
 * Where an upload stands. `next`: all chunks below are on the coordinator's disk, as far as we know. Asking
 * means that a single chunk is out to learn where to go on: at the start, and after a silence or a lost
 * connection.
 */
export interface UploadPlan {
  count: number;
  next: number;
  batchSize: number;
  asking: boolean;
  /** Sends in a row that nobody answered. */
  silences: number;
}

export const firstPlan = (count: number): UploadPlan => ({
  count,
  next: 0,
  batchSize: 1,
  asking: true,
  silences: 0,
});

/** Chunks to send now: `from` up to, but not with, `to`. */
export function batchOf(plan: UploadPlan): { from: number; to: number } {
  const from = Math.min(plan.next, plan.count - 1);
  return { from, to: plan.asking ? from + 1 : Math.min(plan.count, from + plan.batchSize) };
}

/**
 * The plan after a receipt that settles nothing. Where we ask, its word counts, also when it is behind us: a
 * coordinator may have lost its part. Else one that is not ahead is old news.
 */
export function afterReceipt(plan: UploadPlan, { nextChunk }: Receipt): UploadPlan {
  const next = Math.min(nextChunk, plan.count);
  if (plan.asking) return { ...plan, next, asking: false, silences: 0 };
  return next > plan.next ? { ...plan, next, silences: 0 } : plan;
}

export const afterBatch = (plan: UploadPlan, tookMs: number): UploadPlan => ({
  ...plan,
  batchSize: nextBatchSize(plan.batchSize, tookMs),
});

export const afterSilence = (plan: UploadPlan): UploadPlan => ({
  ...plan,
  batchSize: 1,
  asking: true,
  silences: plan.silences + 1,
});

/** A lost connection is nobody's silence. */
export const afterLoss = (plan: UploadPlan): UploadPlan => ({ ...plan, batchSize: 1, asking: true });
