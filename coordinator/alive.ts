import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const everyMs = 2000;

/**
 * A file that says when the coordinator was last seen alive: what it was away does not count against a
 * deadline.
 */
export class Alive {
  readonly #path: string;
  #writtenMs = Number.NEGATIVE_INFINITY;

  constructor(folder: string) {
    this.#path = join(folder, 'alive');
  }

  /** Milliseconds since 1970; null where nobody was alive yet. */
  async seenMs(): Promise<number | null> {
    try {
      const ms = Number(await readFile(this.#path, 'utf8'));
      return Number.isFinite(ms) && ms > 0 ? ms : null;
    } catch {
      return null;
    }
  }

  /** A full disk is no reason to die: then the downtime is counted from an earlier time. */
  async mark(nowMs: number): Promise<void> {
    if (nowMs - this.#writtenMs < everyMs) return;
    this.#writtenMs = nowMs;
    await writeFile(this.#path, String(nowMs)).catch(() => undefined);
  }
}
