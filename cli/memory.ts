import { readdirSync, readFileSync } from 'node:fs';

/** Peak resident memory in bytes of a process, from Linux's /proc; undefined where that can't be read. */
export const peakRssBytes = (pid: number) => statusBytes(pid, 'VmHWM');

/** Resident memory in bytes of a process now; undefined where that can't be read. */
export const rssBytes = (pid: number) => statusBytes(pid, 'VmRSS');

/** Peak resident memory in bytes of this process so far, on every system. */
export const ownPeakBytes = () => process.resourceUsage().maxRSS * 1024;

/** Processes that a process started and that still run. */
export function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      read(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return []; // No such process any more, or no /proc.
  }
}

/**
 * The highest memory of each service and of what it started (a device's trainer). The system keeps a process's peak,
 * so a last sample before its end is exact; a process that is shorter than a sample's interval tells its own.
 */
export class PeakMemory {
  readonly #peaks = new Map<string, number>();

  sample(processes: ReadonlyMap<string, number>): void {
    for (const [name, pid] of processes) {
      this.raise(name, peakRssBytes(pid));
      for (const child of childrenOf(pid)) this.raise(`${name} trainer`, peakRssBytes(child));
    }
  }

  /** Bytes by name, in the order in which they were first seen; 0 where this system does not tell. */
  get peaks(): ReadonlyMap<string, number> {
    return this.#peaks;
  }

  raise(name: string, bytes = 0): void {
    this.#peaks.set(name, Math.max(bytes, this.#peaks.get(name) ?? 0));
  }
}

function statusBytes(pid: number, field: 'VmHWM' | 'VmRSS'): number | undefined {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(read(`/proc/${pid}/status`))?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
