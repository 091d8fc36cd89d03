import type { Log } from '../../runtime/log.js';
import { told } from '../../runtime/log.js';
import type { Reading, Sensor } from './sensor.js';

/** A sensor that comes and goes is told once, not each time: it is back when it was well for so long. */
const settleMs = 10_000;

/** Reads sensors, and knows which of them fail: each is told once, and again when it is back. */
export class SensorWatch {
  readonly #log: Pick<Log, 'info' | 'warn'>;
  /** Of those that fail: since when they are well again. */
  readonly #failing = new Map<Sensor, { wellSinceMs: number | undefined }>();

  constructor(log: Pick<Log, 'info' | 'warn'>) {
    this.#log = log;
  }

  /** How many do not answer, or answer nonsense. */
  get failing(): number {
    return [...this.#failing.values()].filter(({ wellSinceMs }) => wellSinceMs === undefined).length;
  }

  /** What all of them tell; one that fails tells nothing, and harms no other. @param nowMs monotonic */
  async read(sensors: readonly Sensor[], nowMs: number): Promise<Required<Reading>> {
    let [fields, zones, rails]: [object, Record<string, number>, Record<string, number>] = [{}, {}, {}];
    for (const sensor of sensors) {
      const reading = await this.#one(sensor, nowMs);
      fields = { ...fields, ...reading?.fields };
      zones = { ...zones, ...reading?.zones };
      rails = { ...rails, ...reading?.rails };
    }
    return { fields, zones, rails };
  }

  async #one(sensor: Sensor, nowMs: number): Promise<Reading | undefined> {
    try {
      const reading = await sensor.read(nowMs);
      this.#well(sensor, nowMs);
      return reading;
    } catch (error) {
      if (!this.#failing.has(sensor))
        this.#log.warn('a sensor fails', { sensor: sensor.name, reason: told(error) });
      this.#failing.set(sensor, { wellSinceMs: undefined });
      return undefined;
    }
  }

  #well(sensor: Sensor, nowMs: number): void {
    const state = this.#failing.get(sensor);
    if (!state) return;
    state.wellSinceMs ??= nowMs;
    if (nowMs - state.wellSinceMs < settleMs) return;
    this.#failing.delete(sensor);
    this.#log.info('a sensor is back', { sensor: sensor.name });
  }
}
