import type { Log } from './log.js';
import { Rates } from './rate.js';

const linesAtOnce = 20;

/** Lines that others can cause at will: some at once, then a line a second that says how many there were. */
export class QuietLog {
  readonly #log: Log;
  readonly #lines = new Rates({ perS: 1, burst: linesAtOnce });
  readonly #leftOut = new Map<string, number>();

  constructor(log: Log) {
    this.#log = log;
  }

  warn(message: string, facts: Record<string, unknown>): void {
    this.#tell('warn', message, facts);
  }

  info(message: string, facts: Record<string, unknown>): void {
    this.#tell('info', message, facts);
  }

  #tell(level: 'warn' | 'info', message: string, facts: Record<string, unknown>): void {
    const leftOut = this.#leftOut.get(message) ?? 0;
    if (!this.#lines.takeOne(message, Date.now())) return void this.#leftOut.set(message, leftOut + 1);
    this.#leftOut.delete(message);
    this.#log[level](message, leftOut > 0 ? { ...facts, leftOut } : facts);
  }
}
