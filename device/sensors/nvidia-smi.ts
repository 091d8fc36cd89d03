import { setTimeout as wait } from 'node:timers/promises';
import type { Board } from './board.js';
import { Program, paceMs, silentMs } from './program.js';
import { plausibleWatts, sumOf, within } from './sensor.js';
import type { Stream } from './tegrastats.js';
import { plausibleC } from './thermal.js';

const query = 'index,utilization.gpu,clocks.current.sm,power.draw,temperature.gpu';
const maxGpus = 16;
/** Its start initializes the driver. */
const firstLineMs = 5_000;
/** Those of the other GPUs follow the first at once. */
const otherLinesMs = 200;

interface Gpu {
  percent: number | undefined;
  mhz: number | undefined;
  watts: number | undefined;
  celsius: number | undefined;
}

/** NVIDIA's GPUs on a card, by one `nvidia-smi` that keeps running: its start alone takes processor time. */
export async function findNvidiaSmi(board: Board, everyMs: number): Promise<Stream | undefined> {
  const path = await board.program('nvidia-smi');
  if (!path) return undefined;
  const gpus = new Map<number, Gpu>();
  /** Those that have told watts: a total is of all of them. */
  const measured = new Set<string>();
  const args = [`--query-gpu=${query}`, '--format=csv,noheader,nounits', '-lms', String(paceMs(everyMs))];
  const program = new Program(path, args, (line) => {
    const gpu = parseGpu(line);
    if (gpu && gpu.index < maxGpus) {
      gpus.set(gpu.index, gpu);
      if (gpu.watts !== undefined) measured.add(`gpu${gpu.index}`);
    }
    return gpu !== undefined;
  });
  if (!(await program.heard(firstLineMs))) {
    await program.stop();
    return undefined;
  }
  await wait(otherLinesMs);
  const all = (nowMs: number) => {
    program.requireHeard(silentMs, nowMs);
    return [...gpus];
  };
  return {
    gauges: [
      {
        name: 'nvidia-smi',
        async read(nowMs) {
          const found = all(nowMs);
          const percent = mean(found.map(([, gpu]) => gpu.percent));
          const mhz = mean(found.map(([, gpu]) => gpu.mhz));
          return {
            fields: {
              gpu_percent:
                percent === undefined ? undefined : within(percent, 0, 100, 'load of the GPU in %'),
              gpu_mhz: mhz === undefined ? undefined : within(mhz, 0, 20_000, 'clock of the GPU in MHz'),
            },
            zones: byGpu(found, ({ celsius }) => celsius, plausibleC),
          };
        },
      },
    ],
    power:
      measured.size > 0
        ? {
            source: 'nvidia-smi',
            averages: false,
            sensors: [
              {
                name: 'power of nvidia-smi',
                read: async (nowMs) => ({ rails: byGpu(all(nowMs), ({ watts }) => watts, plausibleWatts) }),
              },
            ],
            total: (rails) => sumOf([...measured], rails),
          }
        : undefined,
    stop: () => program.stop(),
  };
}

/** "0, 35, 1410, 72.15, 45"; a value that a GPU has not is "[N/A]" or "[Not Supported]". */
export function parseGpu(line: string): (Gpu & { index: number }) | undefined {
  const words = line.split(',').map((word) => word.trim());
  if (words.length !== 5 || !/^\d+$/.test(words[0]!)) return undefined;
  const [percent, mhz, watts, celsius] = words
    .slice(1)
    .map((word) => (/^\d+(\.\d+)?$/.test(word) ? Number(word) : undefined));
  return { index: Number(words[0]), percent, mhz, watts, celsius };
}

function byGpu(
  gpus: readonly [number, Gpu][],
  value: (gpu: Gpu) => number | undefined,
  plausible: (value: number) => number,
): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [index, gpu] of gpus) {
    const told = value(gpu);
    if (told !== undefined) found[`gpu${index}`] = plausible(told);
  }
  return found;
}

function mean(values: readonly (number | undefined)[]): number | undefined {
  const told = values.filter((value) => value !== undefined);
  return told.length === 0 ? undefined : told.reduce((a, b) => a + b, 0) / told.length;
}
