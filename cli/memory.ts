import { readdirSync, readFileSync } from 'node:fs';

/** Peak resident memory in bytes of a process, from Linux's /proc; undefined where that can't be read. */
export function peakRssBytes(pid: number): number | undefined {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

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

/** The highest memory of each service and of what it started (a device's trainer), over all samples. */
export class PeakMemory {
  readonly #peaks = new Map<string, number>();

  sample(processes: ReadonlyMap<string, number>): void {
    for (const [name, pid] of processes) {
      this.#raise(name, pid);
      for (const child of childrenOf(pid)) this.#raise(`${name} trainer`, child);
    }
  }

  /** Bytes by name, in the order in which they were first seen. */
  get peaks(): ReadonlyMap<string, number> {
    return this.#peaks;
  }

  #raise(name: string, pid: number): void {
    const bytes = peakRssBytes(pid);
    if (bytes !== undefined) this.#peaks.set(name, Math.max(bytes, this.#peaks.get(name) ?? 0));
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
