import type { Log } from '../runtime/log.js';
import { pointOf } from '../schemas/measurements.js';
import type { Point } from '../schemas/messages.js';
import { EnergyBook, type Measure, nothingMeasured } from './energy.js';
import type { PowerModel } from './sensors/estimate.js';
import { findSensors, type PowerReading, readRss } from './sensors.js';

export interface SamplerSettings {
  everyMs: number;
  /** While something is measured: a task. */
  taskEveryMs: number;
  /** Whether power sensors are looked for. */
  power: boolean;
  /** What the machine draws by its load, where it has no power sensor. */
  powerModel?: PowerModel | undefined;
  /** '/' but for tests. */
  root: string;
  /** Its disk's room is told. */
  stateFolder: string;
  deviceId: string;
  /** The trainer's process, while there is one. */
  trainerPid(): number | undefined;
  log: Pick<Log, 'info' | 'warn'>;
}

export interface Sampler {
  /** What the power sensor is: 'estimate' where it is a model, 'none' where there is none. */
  readonly source: string;
  /** Starts to add up energy, and samples at the pace of a task until it ends. */
  measure: Measure;
  stop(): Promise<void>;
}

/** Power is read at least so often: a trapezoid over more is no measure of a task, and counters wrap around. */
const energyMs = { atTask: 1_000, atRest: 60_000 };
/** Of the power sensor, while a task is measured: a longer one leaves its energy unknown. */
const maxSilenceMs = 10_000;

/** Samples the board and this process again and again, and power besides where a task begins and ends. */
export async function startSampler(
  settings: SamplerSettings,
  write: (points: Point[]) => void,
): Promise<Sampler> {
  const { deviceId: device, trainerPid, log } = settings;
  const everyMs = Math.min(settings.everyMs, settings.taskEveryMs);
  const sensors = await findSensors({ ...settings, model: settings.powerModel, everyMs }, log);
  const { power: sensor } = sensors;
  const book = sensor && new EnergyBook(sensor, Math.max(maxSilenceMs, 3 * everyMs));
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
    const before = process.cpuUsage();
    const pid = trainerPid();
    const [power, { fields, zones }, trainerRss] = await Promise.all([
      readPower(),
      sensors.read(performance.now()),
      pid === undefined ? undefined : readRss(pid),
    ]);
    const spent = process.cpuUsage(before);
    const hottest = Math.max(...Object.values(zones));
    write([
      pointOf(
        'utilization',
        { device },
        {
          ...fields,
          service_rss_bytes: process.memoryUsage.rss(),
          trainer_rss_bytes: trainerRss,
          temperature_c: hottest,
          sensors_failing: sensors.failing,
          sampling_ms: (spent.user + spent.system) / 1000,
        },
        timeMs,
      ),
      ...Object.entries(zones).map(([zone, celsius]) =>
        pointOf('temperature', { device, zone }, { celsius }, timeMs),
      ),
      ...powerPoints(power, timeMs),
    ]);
  }

  function powerPoints(power: PowerReading | undefined, timeMs: number): Point[] {
    if (!power) return [];
    const rails = { ...power.rails, ...(power.totalW === undefined ? {} : { total: power.totalW }) };
    return Object.entries(rails).map(([rail, watts]) =>
      pointOf('power', { device, rail, source: sensor!.source }, { watts }, timeMs),
    );
  }

  let stopped = false;
  let sampledMs = performance.now();
  let timer: NodeJS.Timeout | undefined;
  /** One at a time: nothing piles up where a disk or a sensor is slow. */
  let ticking: Promise<void> | undefined;
  let tasks = 0;
  const sampleMs = () => (tasks > 0 ? settings.taskEveryMs : settings.everyMs);

  function schedule(): void {
    clearTimeout(timer);
    if (stopped || ticking) return;
    const dueMs = sampledMs + sampleMs() - performance.now();
    const mostMs = !sensor ? dueMs : tasks > 0 ? energyMs.atTask : energyMs.atRest;
    timer = setTimeout(tick, Math.max(0, Math.min(dueMs, mostMs)));
  }

  function tick(): void {
    const lateMs = performance.now() - sampledMs - sampleMs();
    const due = lateMs >= -1; // Timers may be a little early.
    // Samples keep their rhythm, but for those that were missed.
    if (due) sampledMs = lateMs < sampleMs() ? sampledMs + sampleMs() : performance.now();
    ticking = (due ? sample() : readPower().then(() => {})).finally(() => {
      ticking = undefined;
      schedule();
    });
  }

  await readPower(); // A counter's first reading only sets its mark.
  log.info('sensors', { power: sensor?.source ?? 'none', found: sensors.names });
  if (!sensor && settings.power)
    log.info('no power sensor: no watts, and no joules of a task; with tdpWatts they are estimated');
  schedule();

  const measure = book
    ? () => book.measure(async () => (await readPower())?.totalW !== undefined)
    : nothingMeasured;
  return {
    source: sensor?.source ?? 'none',
    measure() {
      const measuring = measure();
      tasks++;
      schedule();
      const end = async () => {
        tasks--;
        return measuring.end();
      };
      return { ...measuring, end };
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await ticking;
      await turn;
      await sensors.stop();
    },
  };
}
