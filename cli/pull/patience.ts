import { setTimeout as pause } from 'node:timers/promises';
import { Refusal } from '../../schemas/refusal.js';

/** What may be better in a moment: a lost connection, a busy server. */
export class Interruption extends Error {
  /** How long the server asks us to wait. */
  readonly waitMs: number;
  constructor(message: string, { waitMs = 0, cause }: { waitMs?: number; cause?: unknown } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.waitMs = waitMs;
  }
}

export interface Patience {
  /** Tries after the first, and after each that got further. */
  retries: number;
  /** Before the first retry; doubles with each, up to half a minute. */
  waitMs: number;
  /** Without a byte for so long, a connection counts as lost. */
  stallMs: number;
  signal: AbortSignal;
  /** Told of each interruption and the wait after it. */
  note(text: string): void;
}

const longestWaitMs = 30_000;
const longestAskedMs = 120_000;

/** The wait before retry number `failures`, with up to a quarter of chance so that a fleet does not come back as one. */
export const waitBefore = (failures: number, { waitMs }: { waitMs: number }, random = Math.random): number =>
  Math.min(longestWaitMs, waitMs * 2 ** (failures - 1)) * (1 + random() / 4);

/**
 * Does work until it succeeds. Work that got further says so, and has all its retries again.
 * @throws Refusal when the retries are used up; whatever the work throws that is no Interruption
 */
export async function persist<T>(
  patience: Patience,
  work: (gotFurther: () => void) => Promise<T>,
): Promise<T> {
  const { retries, signal, note } = patience;
  for (let failures = 0; ; ) {
    try {
      return await work(() => {
        failures = 0;
      });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Interruption)) throw error;
      if (++failures > retries)
        throw new Refusal(
          `${error.message}; gave up after ${failures} tries. What has come is kept: the same command goes on from there`,
        );
      const ms = Math.max(waitBefore(failures, patience), Math.min(error.waitMs, longestAskedMs));
      note(
        `${error.message}; trying again in ${ms < 1000 ? `${Math.ceil(ms)} ms` : `${Math.ceil(ms / 1000)} s`}`,
      );
      await pause(ms, undefined, { signal });
    }
  }
}
