/** What a task took of the board's power, by its sensor. */
export interface Spent {
  joules: number;
  /** Mean of the task. */
  watts: number;
  /** Mean of up to half a minute without a task before it; nothing of it is taken off the joules. */
  idleWatts: number | undefined;
  /** What told the watts. */
  source: string;
}

/** The energy of a task while it goes on. */
export interface Measuring {
  /** What tells the watts; undefined: nothing. */
  readonly source: string | undefined;
  /** Mean watts since the beginning or the last lap; undefined where that is too short, or nothing told them. */
  lap(): Promise<number | undefined>;
  /** Undefined where there is no sensor, or it was silent for long. */
  end(): Promise<Spent | undefined>;
}

export type Measure = () => Measuring;

export const nothingMeasured: Measure = () => ({
  source: undefined,
  lap: async () => undefined,
  end: async () => undefined,
});

/**
 * Adds up energy from readings of power. A mean holds since the reading before; a moment's value by
 * trapezoid.
 */
export class EnergyMeter {
  readonly #averages: boolean;
  readonly #maxGapMs: number;
  #firstMs = Number.NaN;
  #last: { watts: number; atMs: number } | undefined;
  #joules = 0;

  /** @param maxGapMs between readings: what a sensor says after a longer silence tells nothing about it */
  constructor(averages: boolean, maxGapMs = Number.POSITIVE_INFINITY) {
    this.#averages = averages;
    this.#maxGapMs = maxGapMs;
  }

  /** @param atMs monotonic */
  add(watts: number, atMs: number): void {
    if (!this.#last) this.#firstMs = atMs;
    else if (atMs - this.#last.atMs > this.#maxGapMs && !this.#averages) this.#joules = Number.NaN;
    else {
      const mean = this.#averages ? watts : (this.#last.watts + watts) / 2;
      this.#joules += (mean * (atMs - this.#last.atMs)) / 1000;
    }
    this.#last = { watts, atMs };
  }

  /** Since the first reading; NaN where a silence was too long. */
  get joules(): number {
    return this.#joules;
  }

  /** From the first reading to the last. */
  get seconds(): number {
    return this.#last ? (this.#last.atMs - this.#firstMs) / 1000 : 0;
  }
}

const idleWindowS = 30;
/** A mean over less is a moment's value. */
const leastIdleS = 1;
/** What a task leaves behind, as a trainer that ends, is not idleness yet. */
const settleMs = 1000;
const leastLapMs = 100;

/** All that is made of one sensor's readings: the energy of tasks, and the power between them. */
export class EnergyBook {
  readonly #sensor: { source: string; averages: boolean };
  readonly #maxGapMs: number;
  readonly #meters = new Set<EnergyMeter>();
  #idle: EnergyMeter;
  #idleFromMs = 0;
  #idleWatts: number | undefined;

  constructor(sensor: { source: string; averages: boolean }, maxGapMs: number) {
    this.#sensor = sensor;
    this.#maxGapMs = maxGapMs;
    this.#idle = this.#meter();
  }

  /** A reading, in the order of their times. @param atMs monotonic */
  add(watts: number, atMs: number): void {
    for (const meter of this.#meters) meter.add(watts, atMs);
    if (this.#meters.size > 0 || atMs < this.#idleFromMs) return;
    this.#idle.add(watts, atMs);
    if (this.#idle.seconds >= idleWindowS) this.#closeIdle();
  }

  /** @param read takes a reading now and adds it here, and tells whether there was one; it fails where there is none */
  measure(read: () => Promise<boolean>): Measuring {
    const reading = () => read().catch(() => false);
    this.#closeIdle();
    const idleWatts = this.#idleWatts;
    const meter = this.#meter();
    this.#meters.add(meter);
    const begun = reading();
    let lap = { joules: 0, seconds: 0, atMs: performance.now() };
    return {
      source: this.#sensor.source,
      lap: async () => {
        await begun;
        const atMs = performance.now();
        if (atMs - lap.atMs < leastLapMs || !(await reading())) return undefined;
        const { joules, seconds } = meter;
        const watts = meanOf(joules - lap.joules, seconds - lap.seconds);
        lap = { joules, seconds, atMs };
        return watts;
      },
      end: async () => {
        await begun;
        const told = await reading();
        this.#meters.delete(meter);
        this.#idleFromMs = performance.now() + settleMs;
        const { joules, seconds } = meter;
        const watts = meanOf(joules, seconds);
        return told && watts !== undefined
          ? { joules, watts, idleWatts, source: this.#sensor.source }
          : undefined;
      },
    };
  }

  /** A stretch without a task ends: its mean is the newest, where it was long enough. */
  #closeIdle(): void {
    const { joules, seconds } = this.#idle;
    if (seconds >= leastIdleS) this.#idleWatts = meanOf(joules, seconds) ?? this.#idleWatts;
    this.#idle = this.#meter();
  }

  #meter(): EnergyMeter {
    return new EnergyMeter(this.#sensor.averages, this.#maxGapMs);
  }
}

function meanOf(joules: number, seconds: number): number | undefined {
  return seconds > 0 && Number.isFinite(joules) ? joules / seconds : undefined;
}
