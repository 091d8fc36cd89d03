import { pointOf } from '../schemas/measurements.js';
import type { Point } from '../schemas/messages.js';
import { Refusal } from '../schemas/refusal.js';
import { type Clock, isSet } from './clock.js';
import { grouped } from './grouped.js';
import { createInfluxWriter, type InfluxSettings } from './influx.js';
import { Intake } from './intake.js';
import { Losses, type Warns } from './losses.js';
import { lineOf } from './point.js';
import { type Deliver, type PumpSettings, startPump } from './pump.js';
import { SeriesGuard } from './series-guard.js';
import { Spool } from './spool.js';

export interface SinkSettings {
  folder: string;
  maxBytes: number;
  /** The tag `device` of points about the sink itself. */
  name: string;
  /** Set on every point that is written here. */
  tags: Readonly<Record<string, string>>;
  /** A power cut takes points kept since; 0: none. */
  syncEveryMs: number;
  /** Between points of measurement `telemetry` about the sink itself. */
  gaugeMs: number;
  /** That the points' times are of: they follow it where it is set. */
  clock: Clock;
}

/** Where points go. */
export interface Sink {
  /** Never waits and never throws: what can't be kept is counted. */
  write(points: readonly Point[]): void;
  /**
   * Takes in another's points, as far as the table of measurements knows them; resolves when they are on disk.
   * @param tags set on every one; `device` tells whose they are
   * @throws Refusal while too much waits already, the disk's error where it takes them not
   */
  take(points: readonly Point[], tags: { readonly fleet: string; readonly device: string }): Promise<void>;
  readonly counts: SinkCounts;
  stop(): Promise<void>;
}

export interface SinkCounts {
  delivered: number;
  /** Points lost or refused for good. */
  dropped: number;
}

/** Of own points, while the disk takes none. */
const maxLinesInMemory = 10_000;
/** Of others' on their way to the disk. */
const maxLinesTaking = 100_000;
const toInflux = { maxLines: 5_000, maxBytes: 2 ** 20, everyMs: 1_000, backfillMs: 20, maxWaitMs: 30_000 };

/**
 * Keeps points in a bounded spool and writes them on to InfluxDB; with no `influxUrl` the spool is the store.
 * @throws Refusal where the folder can't be written, or the address is none
 */
export async function createSink(settings: SinkSettings & InfluxSettings, log: Warns): Promise<Sink> {
  const deliver = settings.influxUrl === '' ? undefined : await createInfluxWriter(settings);
  return createSinkTo(deliver, settings, toInflux, log);
}

/** A sink whose spool is emptied by `deliver`, or by nobody. */
export async function createSinkTo(
  deliver: Deliver | undefined,
  settings: SinkSettings,
  pumping: PumpSettings,
  log: Warns,
): Promise<Sink> {
  const { folder, maxBytes, syncEveryMs, tags: own, name: device, gaugeMs, clock } = settings;
  const losses = new Losses(log);
  const spool = await Spool.open(folder, { maxBytes, syncEveryMs, clock, lost: losses.count });
  const intake = new Intake(spool, maxLinesInMemory, clock, losses, log);
  const pump = deliver && startPump({ take: takeBatch }, deliver, pumping, losses, log);
  if (!isSet(clock))
    log.warn('this machine’s clock is not set: points wait until it is', { clock: clock.nowMs() });
  const guard = new SeriesGuard();
  let taking = 0;

  async function takeBatch(...[lane, limits]: Parameters<Spool['take']>) {
    return (lane === 'live' ? intake.stuck(limits) : undefined) ?? spool.take(lane, limits);
  }

  const keep = grouped(async (lines: string[]) => {
    const { error } = await spool.append(lines);
    if (error !== undefined) throw error;
  });

  async function gauge(): Promise<void> {
    const nowMs = Date.now();
    const oldestMs = await spool.oldestMs().catch(() => undefined);
    const fields = {
      spool_bytes: spool.waitingBytes,
      spool_limit_bytes: maxBytes,
      oldest_s: deliver && (oldestMs === undefined ? 0 : Math.max(0, nowMs - oldestMs) / 1000),
      delivered: sink.counts.delivered,
      dropped: sink.counts.dropped,
    };
    sink.write([pointOf('telemetry', { device }, fields, nowMs)]);
  }
  const gauging = setInterval(() => void gauge(), gaugeMs).unref();

  const sink: Sink = {
    write(points) {
      intake.add(linesOf(points, own));
    },
    async take(points, tags) {
      if (deliver && spool.waitingBytes > maxBytes / 2)
        throw new Refusal('too many points wait here for InfluxDB already');
      const lines = linesOf(guard.admit(points, tags.device, Date.now(), losses.count), tags);
      if (taking + lines.length > maxLinesTaking) throw new Refusal('too many points come at once');
      taking += lines.length;
      await keep(lines).finally(() => {
        taking -= lines.length;
      });
    },
    get counts() {
      return { delivered: pump?.counts.delivered ?? 0, dropped: losses.total };
    },
    async stop() {
      clearInterval(gauging);
      await intake.flush();
      await pump?.stop();
      await intake.stop();
      await spool.close();
      losses.stop();
    },
  };
  return sink;
}

const linesOf = (points: readonly Point[], tags: Readonly<Record<string, string>>) =>
  points
    .map((point) => lineOf({ ...point, tags: { ...point.tags, ...tags } }))
    .filter((line) => line !== undefined);
