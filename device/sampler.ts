import os from 'node:os';
import type { Point } from '../schemas/messages.js';
import { EnergyBook, type Measure, nothingMeasured } from './energy.js';
import { findPowerSensor, type PowerReading, readRss, readTemperature } from './sensors.js';

export interface SamplerSettings {
  everyMs: number;
  /** Whether power sensors are looked for. */
  power: boolean;
  /** '/' but for tests. */
  root: string;
  deviceId: string;
  /** The trainer's process, while there is one. */
  trainerPid(): number | undefined;
}

export interface Sampler {
  /** What the power sensor is; 'none' where there is none. */
  readonly source: string;
  /** Starts to add up energy. */
  measure: Measure;
  stop(): Promise<void>;
}

/** Of the power sensor, while a task is measured: a longer one leaves its energy unknown. */
const maxSilenceMs = 10_000;

/** Samples the board and this process once in everyMs, and power besides where a task begins and ends. */
export async function startSampler(
  settings: SamplerSettings,
  write: (points: Point[]) => void,
): Promise<Sampler> {
  const { everyMs, power: measured, root, deviceId, trainerPid } = settings;
  const sensor = measured ? await findPowerSensor(root) : undefined;
  const book = sensor && new EnergyBook(sensor, Math.max(maxSilenceMs, 3 * everyMs));
  let cpu = cpuTimes();
  let turn: Promise<unknown> = Promise.resolve();

  /** One at a time: a counter's mean is since the reading before. */
  function readPower(): Promise<PowerReading | undefined> {
    const reading = turn.then(async () => {
      const atMs = performance.now();
      const power = await sensor?.read(atMs);
      if (power?.totalW !== undefined) book?.add(power.totalW, atMs);
      return power;
    });
    turn = reading.catch(() => {});
    return reading;
  }

  async function sample(): Promise<void> {
    const timeMs = Date.now();
    const power = await readPower();
    const busy = cpuTimes();
    const pid = trainerPid();
    const fields: Record<string, number | undefined> = {
      cpu_percent: cpuPercent(cpu, busy),
      memory_used_bytes: os.totalmem() - os.freemem(),
      memory_total_bytes: os.totalmem(),
      service_rss_bytes: process.memoryUsage.rss(),
      trainer_rss_bytes: pid === undefined ? undefined : await readRss(root, pid),
      temperature_c: await readTemperature(root),
    };
    cpu = busy;
    const tags = { device: deviceId };
    write([
      { measurement: 'utilization', tags, fields: present(fields), timeMs },
      ...powerPoints(power, timeMs),
    ]);
  }

  function powerPoints(power: PowerReading | undefined, timeMs: number): Point[] {
    if (!power) return [];
    const rails = { ...power.rails, ...(power.totalW === undefined ? {} : { total: power.totalW }) };
    return Object.entries(rails).map(([rail, watts]) => ({
      measurement: 'power',
      tags: { device: deviceId, rail, source: sensor!.source },
      fields: { watts },
      timeMs,
    }));
  }

  await readPower(); // A counter's first reading only sets its mark.
  let sampling: Promise<void> | undefined; // A slow disk skips samples and piles up none.
  const timer = setInterval(() => {
    sampling ??= sample().finally(() => {
      sampling = undefined;
    });
  }, everyMs);

  return {
    source: sensor?.source ?? 'none',
    measure: book
      ? () => book.measure(async () => (await readPower())?.totalW !== undefined)
      : nothingMeasured,
    async stop() {
      clearInterval(timer);
      await sampling;
      await turn;
    },
  };
}

interface CpuTimes {
  busy: number;
  all: number;
}

function cpuTimes(): CpuTimes {
  let [busy, all] = [0, 0];
  for (const { times } of os.cpus()) {
    const total = Object.values(times).reduce((a, b) => a + b, 0);
    all += total;
    busy += total - times.idle;
  }
  return { busy, all };
}

const cpuPercent = (before: CpuTimes, now: CpuTimes) =>
  now.all > before.all ? (100 * (now.busy - before.busy)) / (now.all - before.all) : undefined;

const present = (fields: Record<string, number | undefined>) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Record<
    string,
    number
  >;
