export interface Warns {
  info(message: string, facts?: Record<string, unknown>): void;
  warn(message: string, facts?: Record<string, unknown>): void;
}

const tellEveryMs = 60_000;
const maxReasons = 20;

interface Loss {
  reason: string;
  points: number;
  untold: number;
}

/** Counts points that are gone, by reason. Each reason is told at once, and then once a minute with its count. */
export class Losses {
  readonly #log: Warns;
  readonly #losses = new Map<string, Loss>();
  readonly #telling = setInterval(() => this.tell(), tellEveryMs).unref();
  #total = 0;

  constructor(log: Warns) {
    this.#log = log;
  }

  /** Points that are gone since the start. */
  get total(): number {
    return this.#total;
  }

  readonly count = (points: number, reason: string): void => {
    this.#total += points;
    // Reasons that differ in their numbers alone are one.
    let key = reason.replace(/\d+/g, '#').slice(0, 120);
    if (!this.#losses.has(key) && this.#losses.size >= maxReasons) key = '';
    const loss = this.#losses.get(key) ?? { reason, points: 0, untold: 0 };
    this.#losses.set(key, { reason, points: loss.points + points, untold: loss.untold + points });
    if (loss.points === 0) this.tell();
  };

  /** Tells of what came since it was told the last time. */
  tell(): void {
    for (const loss of this.#losses.values()) {
      if (loss.untold === 0) continue;
      const { untold: points, points: total, reason } = loss;
      loss.untold = 0;
      this.#log.warn('points were dropped', { points, total, reason });
    }
  }

  stop(): void {
    clearInterval(this.#telling);
    this.tell();
  }
}
