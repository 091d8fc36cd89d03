import { setTimeout as wait } from 'node:timers/promises';
import { ConnectionLost } from '../broker/client.js';
import { encode } from '../schemas/codec.js';
import type { Receipt, TaskKey } from '../schemas/messages.js';
import { retryMs } from './batch.js';
import type { Connection, Link } from './link.js';
import type { Mailbox } from './mailbox.js';
import {
  afterBatch,
  afterLoss,
  afterReceipt,
  afterSilence,
  batchOf,
  firstPlan,
  type UploadPlan,
} from './upload-plan.js';

/** An encoded update on disk. */
export interface Offer {
  key: TaskKey;
  sha256: string;
  totalBytes: number;
  read(from: number, to: number): Promise<Uint8Array>;
}

export interface UploadParts {
  link: Link;
  /** Every receipt that comes for this device. */
  mailbox: Mailbox<Receipt>;
  topic: string;
  chunkBytes: number;
  /** A receipt must come within. */
  receiptMs: number;
  /** Wait before a second try; doubles up to 30 s. */
  retryMs: number;
  maxSilences: number;
}

const maxRetryMs = 30_000;

/**
 * Sends an update until the coordinator's receipt ends it: a batch of chunks, its receipt, the next batch.
 * @returns the receipt that accepts or refuses it; undefined where nobody answered for long
 */
export async function offerUpdate(
  offer: Offer,
  parts: UploadParts,
  signal: AbortSignal,
): Promise<Receipt | undefined> {
  let plan = firstPlan(Math.ceil(offer.totalBytes / parts.chunkBytes));
  parts.mailbox.clear();
  while (plan.silences <= parts.maxSilences) {
    if (plan.silences > 0)
      await wait(retryMs(plan.silences - 1, parts.retryMs, maxRetryMs, Math.random()), undefined, { signal });
    const connection = await parts.link.connection(signal);
    try {
      const done = await sendBatch(offer, plan, connection, parts, signal);
      if ('receipt' in done) return done.receipt;
      plan = done.plan;
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      plan = afterLoss(plan);
    }
  }
  return undefined;
}

async function sendBatch(
  offer: Offer,
  before: UploadPlan,
  connection: Connection,
  parts: UploadParts,
  signal: AbortSignal,
): Promise<{ receipt: Receipt } | { plan: UploadPlan }> {
  const { from, to } = batchOf(before);
  const startMs = performance.now();
  const chunks: Uint8Array[] = [];
  for (let index = from; index < to; index++)
    chunks.push(await chunkOf(offer, index, before.count, parts.chunkBytes));
  await Promise.all(chunks.map((chunk) => connection.wire.publish(parts.topic, chunk)));
  let plan = before;
  let untilMs = performance.now() + parts.receiptMs;
  while (plan.asking || plan.next < to) {
    const receipt = await parts.mailbox.take(untilMs - performance.now(), signal, connection.ended);
    if (!receipt) return { plan: afterSilence(plan) };
    if (!isFor(offer, receipt)) continue;
    if (receipt.state !== 'receiving') return { receipt };
    const after = afterReceipt(plan, receipt);
    if (before.asking) return { plan: after };
    if (after !== plan) untilMs = performance.now() + parts.receiptMs;
    plan = after;
  }
  return { plan: afterBatch(plan, performance.now() - startMs) };
}

async function chunkOf(offer: Offer, index: number, count: number, chunkBytes: number): Promise<Uint8Array> {
  const { key, sha256, totalBytes } = offer;
  const data = await offer.read(index * chunkBytes, Math.min(totalBytes, (index + 1) * chunkBytes));
  return encode('Chunk', { key, sha256, index, count, totalBytes, data });
}

const isFor = ({ key, sha256 }: Offer, receipt: Receipt) =>
  receipt.sha256 === sha256 &&
  receipt.key.run === key.run &&
  receipt.key.round === key.round &&
  receipt.key.kind === key.kind;
