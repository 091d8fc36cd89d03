import { setTimeout as wait } from 'node:timers/promises';
import { EnergyMeter } from '../../device/energy.js';
import { findPowerSensor } from '../../device/sensors.js';

export interface Spent {
  joules: number;
  /** From the first reading to the last; NaN: none could be made. */
  seconds: number;
}

const everyMs = 200;

type Sensor = NonNullable<Awaited<ReturnType<typeof findPowerSensor>>>;

/** Measures what the whole board takes while something runs. */
export class PowerMeter {
  readonly source: string;
  readonly #sensor: Sensor;

  constructor(sensor: Sensor) {
    this.#sensor = sensor;
    this.source = sensor.source;
  }

  /** Ends the sensor, which may be a program. */
  close(): Promise<void> {
    return this.#sensor.stop();
  }

  /** Starts to add up energy; the answer stops it. */
  async start(): Promise<() => Promise<Spent>> {
    const meter = new EnergyMeter(this.#sensor.averages);
    let [fromMs, toMs] = [Number.NaN, Number.NaN];
    const read = async () => {
      const atMs = performance.now();
      const power = await this.#sensor.read(atMs);
      if (power?.totalW === undefined) return;
      meter.add(power.totalW, atMs);
      if (Number.isNaN(fromMs)) fromMs = atMs;
      toMs = atMs;
    };
    let turn = read();
    const timer = setInterval(() => {
      turn = turn.then(read);
    }, everyMs);
    return async () => {
      clearInterval(timer);
      await turn;
      await read();
      return { joules: meter.joules, seconds: (toMs - fromMs) / 1000 };
    };
  }
}

/** Mean watts of a while without work; undefined where nothing told them. */
export async function idleWatts(meter: PowerMeter, ms: number): Promise<number | undefined> {
  const stop = await meter.start();
  await wait(ms);
  const { joules, seconds } = await stop();
  return seconds > 0 ? joules / seconds : undefined;
}

/** Undefined where the machine has no sensor. @param root '/' but for tests */
export async function findMeter(root = '/'): Promise<PowerMeter | undefined> {
  const sensor = await findPowerSensor(root, everyMs);
  if (!sensor) return undefined;
  await sensor.read(performance.now()); // A counter's first reading only sets its mark.
  return new PowerMeter(sensor);
}
