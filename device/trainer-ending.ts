import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Padded } from './trainer-messages.js';

/** What is known of a trainer process that ended before its answer. */
export interface Ending {
  code: number | null;
  signal: string | null;
  /** The last that it wrote to standard error. */
  lastWords: string;
  /** Kills for memory by the kernel, counted before the job and after; undefined where it does not tell. */
  oomKillsBefore: number | undefined;
  oomKillsAfter: number | undefined;
}

/** Memory did not suffice for a job. */
export class OutOfMemory extends Error {
  /** What ran then; undefined: no batch yet. */
  readonly batch: Padded | undefined;

  constructor(message: string, batch: Padded | undefined) {
    super(message);
    this.batch = batch;
  }
}

/**
 * Words of those that fail to get memory: onnxruntime's arena and CUDA provider, the C++ runtime, V8 and typed arrays.
 */
const wordsOfMemory =
  /failed to allocate|bad_alloc|out of memory|allocation failed|available memory of \d+ is smaller than/i;

export const speaksOfMemory = (words: string) => wordsOfMemory.test(words);

/**
 * Why a process ended, and whether that was for want of memory. SIGKILL is the kernel's way, and an operator's: the
 * kernel counts its own. Where it does not tell, memory is the likelier reason.
 */
export function explained(ending: Ending): { outOfMemory: boolean; reason: string } {
  const { code, signal, lastWords, oomKillsBefore, oomKillsAfter } = ending;
  const how = signal ?? `exit code ${code}`;
  if (signal === 'SIGKILL') {
    if (oomKillsBefore === undefined || oomKillsAfter === undefined)
      return {
        outOfMemory: true,
        reason: 'the trainer process was killed (SIGKILL): most likely it ran out of memory',
      };
    if (oomKillsAfter > oomKillsBefore)
      return { outOfMemory: true, reason: 'the kernel killed the trainer process: out of memory' };
    return {
      outOfMemory: false,
      reason: 'the trainer process was killed (SIGKILL), and not by the kernel for want of memory',
    };
  }
  if (speaksOfMemory(lastWords))
    return { outOfMemory: true, reason: `the trainer process ran out of memory (${how})` };
  return { outOfMemory: false, reason: `the trainer process ended before its answer (${how})` };
}

/** Processes of this machine that the kernel has killed for memory since its start, those of memory groups too. */
export function readOomKills(root = '/'): number | undefined {
  try {
    const count = /^oom_kill (\d+)$/m.exec(readFileSync(join(root, 'proc/vmstat'), 'utf8'))?.[1];
    return count === undefined ? undefined : Number(count); // Linux before 4.13 does not count.
  } catch {
    return undefined; // Not a Linux.
  }
}
