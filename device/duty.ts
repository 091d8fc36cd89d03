import { isNoRoom } from '../runtime/disk-trouble.js';
import type { Log } from '../runtime/log.js';
import type { Point, Receipt, Task, TaskKey } from '../schemas/messages.js';
import type { NetworkProfile } from '../schemas/network-energy.js';
import type { Topics } from '../schemas/topics.js';
import type { AdapterCache } from './adapter-cache.js';
import type { AdapterPiece } from './download.js';
import type { Inventory } from './inventory.js';
import type { Finished, Journal } from './journal.js';
import type { Link } from './link.js';
import type { Mailbox } from './mailbox.js';
import type { PeakBook } from './peak.js';
import { type Pulled, pullAdapter } from './pull.js';
import type { Sampler } from './sampler.js';
import { stepPoint, type Transfer, taskPoint, transferPoint } from './task-points.js';
import type { Trainer } from './trainer.js';
import { type Offer, offerUpdate } from './upload.js';
import { performTask } from './work.js';

/** All that a device needs to do a task and to hand its update in. */
export interface Duties {
  deviceId: string;
  topics: Topics;
  link: Link;
  pieces: Mailbox<AdapterPiece>;
  receipts: Mailbox<Receipt>;
  inventory: Inventory;
  journal: Journal;
  cache: AdapterCache;
  trainer: Trainer;
  measure: Sampler['measure'];
  peak: PeakBook;
  /** Profile of the network's energy; undefined: none was set. */
  network: NetworkProfile | undefined;
  write(points: Point[]): void;
  log: Log;
  limits: TransferLimits;
}

export interface TransferLimits {
  chunkBytes: number;
  maxAdapterBytes: number;
  /** Without an answer for so long, chunks are asked for, or sent, again. */
  silentMs: number;
  /** Wait before unanswered chunks are sent again; doubles. */
  retryMs: number;
  /** In a row, before a download fails or an upload waits until it is asked for. */
  maxSilences: number;
}

/** Does a task and puts its update on disk. @throws the signal's reason; disk errors */
export async function doTask(task: Task, duties: Duties, signal: AbortSignal): Promise<Finished> {
  const { trainer, journal, log, peak } = duties;
  log.info('task begins', { ...task.key, baseVersion: task.baseVersion });
  const update = await performTask(
    task,
    {
      ...duties,
      pull: async (t, stop) => {
        const base = await fetchBase(t, duties, stop);
        if (t.key.kind === 'train') await journal.requireRoom(base.bytes.length); // Its update is as large.
        return base;
      },
      peak: () => peak.current(),
      progress: (step) => duties.write([stepPoint(step, task.key, duties.deviceId)]),
    },
    signal,
  );
  const { failure, measures } = update;
  if (failure === '') {
    log.info('task done', { ...task.key, ...measures, trainerPeakRssBytes: trainer.peakRssBytes });
    if (task.key.kind !== 'init') duties.write([taskPoint(task.key, measures, duties.deviceId, Date.now())]);
  } else log.warn('task failed', { ...task.key, reason: failure });
  return journal.finish(update, task.term);
}

/** Hands an update in. @throws the signal's reason */
export async function handIn(finished: Finished, duties: Duties, signal: AbortSignal): Promise<void> {
  const { journal, log } = duties;
  const { key, totalBytes, computedS, downS } = finished;
  const from = performance.now();
  const update = { ...finished, read: (start: number, end: number) => journal.read(start, end) };
  const receipt = await offer(update, duties, signal);
  const upS = (performance.now() - from) / 1000;
  if (!receipt) {
    log.warn('update kept: no coordinator answers', { ...key });
    return;
  }
  await journal.settle();
  moved(key, { bytesUp: totalBytes, upS, ...(computedS && { computedS }), ...(downS && { downS }) }, duties);
  if (receipt.state === 'accepted') log.info('update accepted', { ...key });
  else log.warn('update refused', { ...key, reason: receipt.reason });
}

/** Sends an update until a receipt ends it; undefined where nobody answers for long. @throws the signal's reason */
function offer(update: Offer, duties: Duties, signal: AbortSignal): Promise<Receipt | undefined> {
  const { deviceId, topics, link, receipts: mailbox, limits } = duties;
  const { chunkBytes, silentMs: receiptMs, retryMs, maxSilences } = limits;
  const topic = topics.update(deviceId, update.key.round);
  return offerUpdate(update, { link, mailbox, topic, chunkBytes, receiptMs, retryMs, maxSilences }, signal);
}

/** The adapter that a task starts from: what is here already costs no bytes. */
async function fetchBase(task: Task, duties: Duties, signal: AbortSignal): Promise<Pulled> {
  const { cache, link, pieces, topics, limits } = duties;
  const known = await cache.get(task.baseSha256);
  if (known) return { bytes: known, payloadBytes: 0, seconds: 0 };
  const pulled = await pullAdapter(
    { run: task.key.run, version: task.baseVersion, sha256: task.baseSha256 },
    { link, mailbox: pieces, topics, ...limits },
    signal,
  );
  await cache.put(task.baseSha256, pulled.bytes).catch((error) => {
    if (!isNoRoom(error)) throw error; // It is pulled again where it is needed again.
  });
  moved(task.key, { bytesDown: pulled.payloadBytes, downS: pulled.seconds }, duties);
  return pulled;
}

function moved(key: TaskKey, transfer: Transfer, { deviceId, write, network }: Duties): void {
  write([transferPoint(key, transfer, network, deviceId, Date.now())]);
}
