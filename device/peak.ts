import { type ChildProcess, fork } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { writeAtomic } from '../runtime/files.js';
import { type Log, told } from '../runtime/log.js';
import { type Processor, readProcessor } from './cores.js';
import type { Measure } from './energy.js';

/** What MFU is held against: the processor that trains, in its power mode, in float32. */
export interface Peak {
  gflops: number;
  source: 'setting' | 'table' | 'measured';
}

export interface PeakSettings {
  /** GFLOP/s; 0: of the table, or measured. */
  peakGflops: number;
  provider: string;
  threads: number;
  /** Hugging Face folder: its own matrix products are among those that are measured. */
  model: string;
  /** What was measured stays here. */
  file: string;
  /** '/' but for tests. */
  root: string;
  /** Without a task for so long, a peak that nobody knows is measured. */
  restMs: number;
  /** Measures energy: what the board draws meanwhile is no idleness. */
  measure: Measure;
  script?: string;
}

export interface PeakBook {
  /** As the power mode is now; undefined where it is not known yet. */
  current(): Promise<Peak | undefined>;
  /** A task begins: what is being measured is given up. */
  busy(): void;
  /** No task is on. */
  rest(): void;
  stop(): void;
}

/**
 * Single-precision operations of a core in a cycle: its pipes for 128-bit multiply-adds, or the half of them. Cores
 * that are not here are measured: docs/metrics.md.
 */
const flopsPerCycle: Readonly<Record<string, number>> = {
  '41:d42': 16, // Cortex-A78AE: Jetson AGX Orin, Orin NX, Orin Nano.
  '41:d0b': 16, // Cortex-A76: Raspberry Pi 5.
  '41:d07': 8, // Cortex-A57: Jetson Nano, and four of the TX2's cores.
  '41:d08': 8, // Cortex-A72: Raspberry Pi 4.
};

/** GFLOP/s of as many cores as there are threads, the fastest; undefined where one of them is not known. */
export function tablePeak({ cores }: Processor, threads: number): number | undefined {
  const rates = cores.map(
    ({ part, maxMhz }) => ((flopsPerCycle[part] ?? Number.NaN) * (maxMhz ?? Number.NaN)) / 1000,
  );
  if (rates.length === 0 || rates.some(Number.isNaN)) return undefined;
  return rates
    .sort((a, b) => b - a)
    .slice(0, threads)
    .reduce((sum, rate) => sum + rate, 0);
}

/** FLOPs per second by the peak; undefined where one of them is not known. */
export function mfuOf(
  flops: number | undefined,
  seconds: number,
  peak: Pick<Peak, 'gflops'> | undefined,
): number | undefined {
  return flops && peak && seconds > 0 ? flops / seconds / (peak.gflops * 1e9) : undefined;
}

/** What a measured peak holds for: another mode, or other threads, have another. */
function conditionsOf({ name, cores }: Processor, threads: number): string {
  const counts = new Map<number | string, number>();
  for (const { maxMhz = '?' } of cores) counts.set(maxMhz, (counts.get(maxMhz) ?? 0) + 1);
  const clocks = [...counts].map(([mhz, count]) => `${count} × ${mhz} MHz`);
  return `${name}, ${clocks.join(' + ')}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
}

const ownScript = fileURLToPath(new URL('./peak-process.js', import.meta.url));
const maxRemembered = 16;

export async function openPeak(settings: PeakSettings, log: Log): Promise<PeakBook> {
  const { peakGflops, provider, threads, model, file, root, restMs, script = ownScript } = settings;
  const measured = await readMeasured(file);
  let timer: NodeJS.Timeout | undefined;
  let child: ChildProcess | undefined;
  let tried = false;

  async function current(): Promise<Peak | undefined> {
    if (peakGflops > 0) return { gflops: peakGflops, source: 'setting' };
    if (provider !== 'cpu') return undefined; // The table is of processors, and so is what is measured.
    const processor = await readProcessor(root);
    const known = tablePeak(processor, threads);
    if (known !== undefined) return { gflops: known, source: 'table' };
    const gflops = measured.get(conditionsOf(processor, threads));
    return gflops === undefined ? undefined : { gflops, source: 'measured' };
  }

  async function measure(): Promise<void> {
    if (tried || child || provider !== 'cpu' || (await current())) return;
    const conditions = conditionsOf(await readProcessor(root), threads);
    const process = fork(script, [model, `${threads}`], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    const measuring = settings.measure();
    child = process;
    let gflops: number | undefined;
    process.on('message', (message: { gflops: number }) => {
      gflops = message.gflops;
    });
    process.on('error', () => {}); // Its end follows.
    const killed = await new Promise<boolean>((resolve) =>
      process.on('close', (_, signal) => resolve(signal === 'SIGTERM')),
    );
    await measuring.end();
    child = undefined;
    if (killed) return; // For a task: at the next rest again.
    tried = true;
    if (gflops === undefined) {
      log.warn('the peak of this processor could not be measured: no MFU', { conditions });
      return;
    }
    measured.set(conditions, gflops);
    const kept = [...measured].slice(-maxRemembered);
    await writeAtomic(file, JSON.stringify(Object.fromEntries(kept)));
    log.info('peak of this processor measured, by matrix products: MFU is held against it', {
      gflops,
      conditions,
    });
  }

  const giveUp = () => {
    clearTimeout(timer);
    child?.kill('SIGTERM');
  };
  return {
    current,
    busy: giveUp,
    rest() {
      clearTimeout(timer);
      const begin = () => measure().catch((error) => log.warn('peak not kept', { reason: told(error) }));
      timer = setTimeout(() => void begin(), restMs);
    },
    stop: giveUp,
  };
}

async function readMeasured(file: string): Promise<Map<string, number>> {
  try {
    const found = Object.entries(JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>);
    return new Map(found.filter((entry): entry is [string, number] => Number(entry[1]) > 0));
  } catch {
    return new Map(); // None yet, or not whole: it is measured again.
  }
}
