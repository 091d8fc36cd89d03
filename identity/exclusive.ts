import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Lock, takeLock } from '../runtime/lock.js';
import { Refusal } from '../schemas/refusal.js';

/** A holder in another container that was killed is waited for 10 s; then all go on that waited. */
const patienceMs = 20_000;
const waitMs = 50;
const queues = new Map<string, Promise<unknown>>();

/**
 * One change of an authority's folder after the other: of this process, and of others, as `fleetune revoke`
 * while the authority serves. A certificate is so either revoked or not yet made.
 */
export function exclusively<T>(folder: string, change: () => Promise<T>): Promise<T> {
  const before = queues.get(folder) ?? Promise.resolve();
  const result = before.then(() => underLock(join(folder, 'lock'), `${folder} (--ca)`, change));
  queues.set(
    folder,
    result.catch(() => undefined),
  );
  return result;
}

/** One process's change after the other's. @param what is changed, for who waits in vain */
export async function underLock<T>(path: string, what: string, change: () => Promise<T>): Promise<T> {
  const lock = await patiently(path, what);
  try {
    return await change();
  } finally {
    await lock.release();
  }
}

async function patiently(path: string, what: string): Promise<Lock> {
  const endMs = performance.now() + patienceMs;
  for (;;) {
    try {
      return await takeLock(path, (holder) => `${what} is in use by ${holder}`);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      // Later it may be free: for a board that asks, that is no refusal.
      if (performance.now() > endMs) throw Object.assign(new Error(error.message), { code: 'EBUSY' });
      await pause(waitMs);
    }
  }
}
