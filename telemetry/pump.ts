import { setTimeout as wait } from 'node:timers/promises';
import { within } from '../runtime/limit.js';
import { told } from '../runtime/log.js';
import type { Point } from '../schemas/messages.js';
import type { Losses, Warns } from './losses.js';
import { parseLine } from './point.js';
import type { ReadLimits } from './segment.js';
import type { Batch, Lane } from './spool.js';

/**
 * Hands points on. Throws where another try may help; answers with how many were refused for good, and why.
 */
export type Deliver = (points: Point[]) => Promise<{ dropped: number; reason: string }>;

export interface PumpSettings extends ReadLimits {
  /** Between batches, so that points travel in company. */
  everyMs: number;
  /** Between batches while there are old ones: what a fleet that comes back asks of its server. */
  backfillMs: number;
  /** Longest wait between two tries; the first waits everyMs, each further one up to twice as long. */
  maxWaitMs: number;
}

/** Where a pump takes from. */
export interface Source {
  take(lane: Lane, limits: ReadLimits): Promise<Batch | undefined>;
}

const tellAgainMs = 600_000;
const stopLimitMs = 2_000;

/**
 * Moves points to where they are wanted, for as long as it takes: a batch of what is new, then one of what
 * waits from before, so that neither starves.
 */
export function startPump(
  source: Source,
  deliver: Deliver,
  settings: PumpSettings,
  losses: Losses,
  log: Warns,
) {
  const stopping = new AbortController();
  const counts = { delivered: 0 };
  let failures = 0;
  let outage: Outage | undefined;

  /** True when there is more to move at once. */
  async function move(lane: Lane): Promise<boolean> {
    const batch = await source.take(lane, settings);
    if (!batch) return false;
    const points = batch.lines.map(parseLine).filter((point) => point !== undefined);
    const damaged = batch.lines.length - points.length;
    const answer = await deliverAll(points).catch((error) => {
      batch.giveBack();
      throw error;
    });
    await batch.acknowledge();
    if (answer.dropped > 0) losses.count(answer.dropped, answer.reason);
    if (damaged > 0) losses.count(damaged, 'lines in the spool are damaged');
    counts.delivered += points.length - answer.dropped;
    return batch.more;
  }

  const deliverAll = async (points: Point[]) =>
    points.length > 0 ? await deliver(points) : { dropped: 0, reason: '' };

  async function cycle(): Promise<boolean> {
    const [live, old] = [await move('live'), await move('old')];
    return live || old;
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      let more = false;
      try {
        more = await cycle();
        if (outage) log.info('points are taken again', { afterS: secondsSince(outage.sinceMs) });
        outage = undefined;
        failures = 0;
      } catch (error) {
        failures++;
        outage = tellOutage(outage, failures, error, log);
      }
      const ms = more ? settings.backfillMs : delayMs(failures, settings, Math.random());
      await wait(ms, undefined, { signal: stopping.signal }).catch(() => {});
    }
    // What came last goes too, unless nobody takes it; what waits from before keeps nobody from stopping.
    if (failures === 0) while (await move('live').catch(() => false));
  }

  const running = run();
  return {
    counts,
    async stop(): Promise<void> {
      stopping.abort();
      await within(stopLimitMs, running); // What is on its way stays on disk as well, until it has arrived.
    },
  };
}

interface Outage {
  reason: string;
  sinceMs: number;
  toldMs: number;
}

/** One failed try is nothing to tell: at a start the connection is not there yet. Then now and again. */
function tellOutage(outage: Outage | undefined, failures: number, error: unknown, log: Warns) {
  const nowMs = performance.now();
  const reason = told(error);
  const isTold = outage?.reason === reason && nowMs - outage.toldMs < tellAgainMs;
  if (failures < 2 || isTold) return outage;
  log.warn('points wait on disk', { reason });
  return { reason, sinceMs: outage?.sinceMs ?? nowMs, toldMs: nowMs };
}

const secondsSince = (ms: number) => Math.round((performance.now() - ms) / 1000);

/** Exponential with full jitter in its upper half, bounded. */
export function delayMs(failures: number, settings: PumpSettings, random: number): number {
  if (failures === 0) return settings.everyMs;
  const limit = Math.min(settings.maxWaitMs, settings.everyMs * 2 ** Math.min(failures, 30));
  return limit / 2 + (limit / 2) * random;
}
