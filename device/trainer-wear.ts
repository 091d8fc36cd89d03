import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Memory of a trainer process between jobs. */
export interface Wear {
  /** Sessions that its engine has opened: each is a load of the model. */
  sessionsOpened: number;
  residentBytes: number;
}

const maxSessions = 24;
/** Above what the arena of a lengthier batch takes, and below what would crowd out a neighbour. */
const maxGrowth = 0.2;

/**
 * Why a process should not take another job; '' while it may. onnxruntime leaks where sessions are made and released
 * (#25325), so there is a limit on both their number and what the process has grown by. Memory that a new session
 * takes is no growth: the level to compare with is that of the first job after which there was none newer.
 */
export function wornOut(level: Wear | undefined, now: Wear): string {
  if (now.sessionsOpened >= maxSessions) return `it has loaded the model ${now.sessionsOpened} times`;
  if (!level || level.sessionsOpened !== now.sessionsOpened) return '';
  const growth = now.residentBytes / level.residentBytes - 1;
  return growth > maxGrowth
    ? `its memory has grown by ${Math.round(100 * growth)} % since it was loaded`
    : '';
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** The memory that this process holds between jobs; files that it maps are not counted, where that is known. */
export async function residentBytes(): Promise<number> {
  // The tensors of the last job are no wear. Those of the runtime are freed a turn after they were found unused.
  for (let turn = 0; turn < 2; turn++) {
    collectGarbage();
    await setImmediate();
  }
  try {
    const kilobytes = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {
    // Not a Linux.
  }
  return process.memoryUsage.rss();
}
