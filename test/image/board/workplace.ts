import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { Booted } from './boot.js';
import type { Fleet } from './fleet.js';
import type { Machine } from './machine.js';
import type { Systemd } from './systemd.js';

/** What the steps of the check hand on to the next. */
export interface Workplace {
  folder: string;
  cache: string;
  bareRoot(): string;
  /** What ends what was started, in reverse. */
  ends: (() => Promise<void> | void)[];
  fleet: Fleet | undefined;
  machine: Machine | undefined;
  systemd: Systemd | undefined;
  service: ChildProcess | undefined;
  booted: Booted | undefined;
}

/** @returns what it saw */
export type Step = (place: Workplace) => Promise<string | undefined> | string | undefined;

export const boardId = 'barn-1';

/** A process and all that it started. */
export function familyOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const parent = parentOf(Number(name));
    if (parent !== undefined) parents.set(Number(name), parent);
  }
  const found = [pid];
  for (const one of found) for (const [child, parent] of parents) if (parent === one) found.push(child);
  return found;
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined; // It has ended.
  }
}

export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
