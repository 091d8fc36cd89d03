import { randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';

/** The wall clock, which somebody may set, and the time since the machine's start, which nobody can. */
export interface Clock {
  /** Milliseconds since 1970, as right as the clock is. */
  nowMs(): number;
  /** Milliseconds since the machine's start, sleep included. */
  uptimeMs(): number;
  /** Tells one start of the machine from all others; letters and digits. */
  boot: string;
}

/** What turns a time since the start of a machine into wall time: the wall time of that start, as it was known. */
export interface Epoch {
  boot: string;
  startMs: number;
}

/** Nothing was measured before this was built: a clock that says so is not set. */
export const earliestMs = Math.max(Date.UTC(2025, 0, 1), builtMs());
/** No machine whose clock is right runs longer without a restart. */
const longestUptimeMs = 2 * 365 * 86_400_000;
/** A clock that moved by less was not set, only trimmed. */
export const jumpMs = 2_000;

export const machineClock: Clock = {
  nowMs: Date.now,
  // On Linux it counts sleep too (CLOCK_BOOTTIME), in steps of 10 ms.
  uptimeMs: () => (process.platform === 'linux' ? os.uptime() * 1000 : performance.now()),
  boot: bootId(),
};

/** For points of other machines: their times have nothing to do with this one's clock. */
export const noClock: Clock = { nowMs: () => earliestMs, uptimeMs: () => earliestMs, boot: 'none' };

export const epochOf = (clock: Clock): Epoch => ({
  boot: clock.boot,
  startMs: Math.round(clock.nowMs() - clock.uptimeMs()),
});

/** Whether the machine's clock was set between the two. */
export const jumped = (then: Epoch, now: Epoch) =>
  then.boot === now.boot && Math.abs(now.startMs - then.startMs) >= jumpMs;

export const isSet = (clock: Clock) => clock.nowMs() >= earliestMs;

/**
 * What to make of times that were written under `then` (undefined: it is not known): milliseconds to add to
 * them; 'unset' where their clock has not been set yet, 'lost' where it never will be.
 */
export function correction(then: Epoch | undefined, clock: Clock): number | 'unset' | 'lost' {
  if (!then) return 0;
  if (then.boot !== clock.boot) return then.startMs < earliestMs - longestUptimeMs ? 'lost' : 0;
  if (!isSet(clock)) return 'unset';
  const now = epochOf(clock);
  return jumped(then, now) ? now.startMs - then.startMs : 0;
}

/** When this file was compiled; package registries set it to 1985. */
function builtMs(): number {
  return Math.floor(statSync(fileURLToPath(import.meta.url)).mtimeMs);
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').replaceAll('-', '').slice(0, 12);
  } catch {
    return randomUUID().replaceAll('-', '').slice(0, 12); // No Linux: then a process is a start of its own.
  }
}
