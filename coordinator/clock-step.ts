/** Less than this was not set, only trimmed. */
const leastMs = 1000;

/** The wall clock, which somebody may set, and the time since the machine's start, which nobody can; milliseconds. */
export interface Clocks {
  clock: () => number;
  uptime: () => number;
}

/** Tells by how much the wall clock was set, until it is told that all is moved along. */
export class ClockStep {
  readonly #clocks: Clocks;
  #offsetMs: number;

  constructor(clocks: Clocks) {
    this.#clocks = clocks;
    this.#offsetMs = this.#now();
  }

  /** Milliseconds, below 0 where it was set back; 0: it was not. */
  get ms(): number {
    const byMs = this.#now() - this.#offsetMs;
    return Math.abs(byMs) < leastMs ? 0 : Math.round(byMs);
  }

  followed(): void {
    this.#offsetMs = this.#now();
  }

  #now(): number {
    return this.#clocks.clock() - this.#clocks.uptime();
  }
}
