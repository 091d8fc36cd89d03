import { told } from '../runtime/log.js';
import { type Clock, correction, type Epoch, epochOf, jumped } from './clock.js';
import type { Losses, Warns } from './losses.js';
import { retimed } from './point.js';
import type { ReadLimits } from './segment.js';
import type { Batch, Spool } from './spool.js';

/** Lines of one append: a disk that fills takes the first of them. */
const linesAtOnce = 500;

/**
 * Lines on their way to the disk. While the disk takes none they stay in memory, `maxLines` at most, and can
 * be taken from there.
 */
export class Intake {
  readonly #spool: Pick<Spool, 'append'>;
  readonly #maxLines: number;
  readonly #losses: Losses;
  readonly #log: Warns;
  readonly #clock: Clock;
  #lines: string[] = [];
  /** Of all lines in memory: they are retimed where the clock is set meanwhile. */
  #epoch: Epoch;
  #flushing: Promise<void> | undefined;
  #trouble: string | undefined;

  constructor(spool: Pick<Spool, 'append'>, maxLines: number, clock: Clock, losses: Losses, log: Warns) {
    this.#spool = spool;
    this.#clock = clock;
    this.#epoch = epochOf(clock);
    this.#maxLines = maxLines;
    this.#losses = losses;
    this.#log = log;
  }

  /** @param lines whose times are of now, as the clock is now */
  add(lines: readonly string[]): void {
    this.#followClock();
    this.#lines.push(...lines);
    this.#bound();
    void this.flush();
  }

  /** Writes what waits, as far as the disk takes it. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  /** Lines that the disk does not take; undefined where it takes them. */
  stuck({ maxLines }: ReadLimits): Batch | undefined {
    if (this.#trouble === undefined || this.#flushing || this.#lines.length === 0) return undefined;
    this.#followClock();
    if (correction(this.#epoch, this.#clock) === 'unset') return undefined;
    const lines = this.#lines.splice(0, maxLines);
    const giveBack = () => {
      this.#lines.unshift(...lines);
      this.#bound();
    };
    return { lines, more: this.#lines.length > 0, acknowledge: async () => {}, giveBack };
  }

  /** A last try; what the disk still does not take is lost. */
  async stop(): Promise<void> {
    await this.flush();
    const { length } = this.#lines.splice(0);
    if (length > 0) this.#losses.count(length, `the disk takes no points: ${this.#trouble}`);
  }

  async #flush(): Promise<void> {
    while (this.#lines.length > 0) {
      const lines = this.#lines.splice(0, linesAtOnce);
      const { kept, error } = await this.#spool.append(lines, this.#epoch);
      if (error !== undefined) {
        this.#lines.unshift(...lines.slice(kept));
        if (this.#trouble === undefined)
          this.#log.warn('the disk takes no points: they stay in memory', { reason: told(error) });
        this.#trouble = told(error);
        return;
      }
      if (this.#trouble !== undefined) this.#log.info('the disk takes points again');
      this.#trouble = undefined;
    }
  }

  #followClock(): void {
    const epoch = epochOf(this.#clock);
    if (!jumped(this.#epoch, epoch)) return;
    const byMs = epoch.startMs - this.#epoch.startMs;
    this.#log.info('the clock was set: points that wait follow it', { byS: Math.round(byMs / 1000) });
    this.#lines = retimed(this.#lines, byMs);
    this.#epoch = epoch;
  }

  #bound(): void {
    const over = this.#lines.length - this.#maxLines;
    if (over <= 0) return;
    this.#lines.splice(0, over);
    const reason = this.#trouble === undefined ? 'more came at once than the disk takes' : this.#trouble;
    this.#losses.count(over, `no room in memory: ${reason}`);
  }
}
