/**
 * Adds up energy from readings of power. A mean holds since the reading before; a moment's value by
 * trapezoid.
 */
export class EnergyMeter {
  readonly #averages: boolean;
  #last: { watts: number; atMs: number } | undefined;
  #joules = 0;

  constructor(averages: boolean) {
    this.#averages = averages;
  }

  /** @param atMs monotonic */
  add(watts: number, atMs: number): void {
    if (this.#last) {
      const mean = this.#averages ? watts : (this.#last.watts + watts) / 2;
      this.#joules += (mean * (atMs - this.#last.atMs)) / 1000;
    }
    this.#last = { watts, atMs };
  }

  /** Since the first reading. */
  get joules(): number {
    return this.#joules;
  }
}
