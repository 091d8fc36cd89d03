import type { Point } from '../schemas/messages.js';
import { createInfluxWriter, type InfluxSettings } from './influx.js';
import { lineOf } from './point.js';
import { type Deliver, startPump, type Warns } from './pump.js';
import { Spool } from './spool.js';

export interface SpoolSettings {
  folder: string;
  maxBytes: number;
}

export type SinkSettings = InfluxSettings & SpoolSettings;

/** Where points go. `write` never waits and never throws: what can't be kept is counted. */
export interface Sink {
  write(points: readonly Point[]): void;
  readonly counts: SinkCounts;
  stop(): Promise<void>;
}

export interface SinkCounts {
  delivered: number;
  dropped: number;
}

const maxPendingPoints = 10_000;
const tellEveryMs = 60_000;

/**
 * Keeps points in a bounded spool and writes them on to InfluxDB; with no `influxUrl` the spool is the store.
 */
export async function createSink(settings: SinkSettings, log: Warns): Promise<Sink> {
  const deliver = settings.influxUrl === '' ? undefined : await createInfluxWriter(settings);
  return createSinkTo(deliver, settings, { batchPoints: 5_000, everyMs: 1_000, maxWaitMs: 30_000 }, log);
}

/** A sink whose spool is emptied by `deliver`, or by nobody. */
export async function createSinkTo(
  deliver: Deliver | undefined,
  settings: SpoolSettings,
  pumping: { batchPoints: number; everyMs: number; maxWaitMs: number },
  log: Warns,
): Promise<Sink> {
  const spool = await Spool.open(settings.folder, settings.maxBytes);
  const pump = deliver && startPump(spool, deliver, pumping, log);
  let pending = 0;
  let lost = 0;
  let failing = false;
  let toldLost = 0;

  /** Tells of points that are gone before anybody took them, where there are more than the last time. */
  function tellLost(): void {
    const total = lost + spool.dropped;
    if (total > toldLost)
      log.warn('points were lost: more came than were taken', { points: total - toldLost, total });
    toldLost = total;
  }
  const telling = setInterval(tellLost, tellEveryMs).unref();

  async function keep(lines: string[]): Promise<void> {
    pending += lines.length;
    try {
      await spool.append(lines);
      failing = false;
    } catch (cause) {
      lost += lines.length;
      if (!failing) log.warn("points can't be kept on disk", { reason: (cause as Error).message });
      failing = true;
    } finally {
      pending -= lines.length;
    }
  }

  return {
    write(points) {
      const lines = points.map(lineOf).filter((line) => line !== undefined);
      if (pending + lines.length > maxPendingPoints) lost += lines.length;
      else void keep(lines);
    },
    get counts() {
      return {
        delivered: pump?.counts.delivered ?? 0,
        dropped: lost + spool.dropped + (pump?.counts.dropped ?? 0),
      };
    },
    async stop() {
      await spool.close();
      await pump?.stop();
      await spool.close();
      clearInterval(telling);
      tellLost();
    },
  };
}
