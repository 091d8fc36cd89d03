import { setTimeout as wait } from 'node:timers/promises';
import type { Point } from '../schemas/messages.js';
import { parseLine } from './point.js';
import type { Spool } from './spool.js';

/**
 * Hands points on. Throws where another try may help; answers with how many were refused for good, and why.
 */
export type Deliver = (points: Point[]) => Promise<{ dropped: number; reason: string }>;

export interface PumpSettings {
  batchPoints: number;
  /** Between batches, so that points travel in company. */
  everyMs: number;
  /** Longest wait between two tries; the first waits everyMs, each further one up to twice as long. */
  maxWaitMs: number;
}

export interface Warns {
  warn(message: string, facts?: Record<string, unknown>): void;
}

/** Moves points from a spool to where they are wanted, in order, for as long as it takes. */
export function startPump(spool: Spool, deliver: Deliver, settings: PumpSettings, log: Warns) {
  const stopping = new AbortController();
  const counts = { delivered: 0, dropped: 0 };
  let failures = 0;

  /** True when there may be more to move at once. */
  async function moveBatch(): Promise<boolean> {
    const { lines, acknowledge } = await spool.peek(settings.batchPoints);
    if (lines.length === 0) return false;
    const points = lines.map(parseLine).filter((point) => point !== undefined);
    const { dropped, reason } = points.length > 0 ? await deliver(points) : { dropped: 0, reason: '' };
    await acknowledge();
    const lost = dropped + lines.length - points.length;
    if (lost > 0) log.warn('points were refused and dropped', { points: lost, reason });
    counts.dropped += lost;
    counts.delivered += points.length - dropped;
    return lines.length === settings.batchPoints;
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        while (await moveBatch());
        failures = 0;
      } catch (error) {
        // One failed try is nothing to tell: at a start the connection is not there yet.
        if (++failures === 2) log.warn('points wait on disk', { reason: told(error) });
      }
      await wait(delayMs(failures, settings, Math.random()), undefined, { signal: stopping.signal }).catch(
        () => {},
      );
    }
    // What came last goes too, unless nobody takes it.
    if (failures === 0) while (await moveBatch().catch(() => false));
  }

  const running = run();
  return {
    counts,
    async stop(): Promise<void> {
      stopping.abort();
      await running;
    },
  };
}

/** Exponential with full jitter in its upper half, bounded. */
export function delayMs(failures: number, settings: PumpSettings, random: number): number {
  if (failures === 0) return settings.everyMs;
  const limit = Math.min(settings.maxWaitMs, settings.everyMs * 2 ** Math.min(failures, 30));
  return limit / 2 + (limit / 2) * random;
}

function told(error: unknown): string {
  const { message, cause } = error as Error;
  return cause === undefined ? message : `${message}: ${told(cause)}`;
}
