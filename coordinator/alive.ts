import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Check } from '../runtime/health.js';

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
    if (Math.abs(nowMs - this.#writtenMs) < everyMs) return; // Also back, where the clock was set.
    this.#writtenMs = nowMs;
    await writeFile(this.#path, String(nowMs)).catch(() => undefined);
  }
}

/** A turn of the coordinator may sum up an adapter's updates meanwhile. */
const silenceLimitMs = 60_000;

/**
 * That its turns go on, and mark the file some seconds apart, and that its run has what it needs of the disk.
 * @param trouble why it has not
 */
export async function aliveCheck(folder: string, nowMs: number, trouble: string): Promise<Check> {
  if (trouble !== '') return { name: 'runs folder', ok: false, detail: `the run waits for it: ${trouble}` };
  const seenMs = await new Alive(folder).seenMs();
  const ageMs = seenMs === null ? Number.POSITIVE_INFINITY : nowMs - seenMs;
  const detail = seenMs === null ? 'not marked yet' : `marked ${Math.round(ageMs / 1000)} s ago`;
  return { name: 'runs folder', ok: ageMs < silenceLimitMs, detail };
}
