import type { Cells } from './cell.js';
import { type Cell, cellsOf, refusalOf, type Sweep } from './plan.js';
import type { Progress } from './progress.js';
import { isMeasured, mfuOf, type Result, resultOf } from './results.js';
import type { BenchSettings } from './settings.js';

export interface Found {
  results: Result[];
  /** The best of the run so far. */
  ceilingGflops: number | undefined;
  /** Of the machine before the first cell; undefined: no sensor. */
  idleWatts: number | undefined;
}

/** Measures cell after cell into `found` and tells of each, until all are done or somebody stops it. */
export async function* measured(
  sweep: Sweep,
  settings: BenchSettings,
  cells: Cells,
  limitMb: number,
  found: Found,
  show: Progress,
  stopping: () => boolean,
): AsyncGenerator<void> {
  const all = cellsOf(sweep);
  const { model, threads, warmUp, repetitions, seconds } = settings;
  const { results } = found;
  let group = '';
  for (const [i, cell] of all.entries()) {
    if (stopping()) return;
    const title = `${i + 1}/${all.length}  ${cell.baseBits} bits, source ${cell.source}, batch ${cell.batch}`;
    const known = results.filter(isMeasured);
    const failed = results.filter(({ state }) => state === 'out of memory');
    const reason = refusalOf(cell, known, failed, limitMb);
    if (reason) {
      results.push({ ...cell, state: 'skipped', reason });
      show.done(`${title}: skipped: ${reason}`);
      continue;
    }
    if (group !== `${cell.baseBits} ${cell.source}`) {
      // Between the steps of the run, so that both meet the same weather.
      group = `${cell.baseBits} ${cell.source}`;
      show.now(`${title}: matrix product of this machine`);
      const gflops = await cells.ceiling({ kind: 'ceiling', model, threads, cell });
      if (gflops) found.ceilingGflops = Math.max(gflops, found.ceilingGflops ?? 0);
      if (stopping()) return;
    }
    show.now(`${title}: warming up`);
    const engine = { threads, spinning: true, ...engineOf(settings, cell) };
    const ended = await cells.steps(
      { kind: 'steps', model, engine, cell, warmUp, repetitions, seconds },
      (steps) => show.now(`${title}: step ${steps}`),
    );
    if (stopping()) return; // The cell that was cut off says nothing.
    const result = resultOf(cell, ended);
    results.push(result);
    show.done(`${title}: ${told(result, found.ceilingGflops)}`);
    yield;
  }
}

const engineOf = ({ memory, recompute, provider }: BenchSettings, { baseBits }: Cell) =>
  ({ memory, recompute, provider, baseBits: `${baseBits}` }) as const;

function told(result: Result, ceilingGflops: number | undefined): string {
  if (!isMeasured(result)) return `${result.state}: ${result.reason}`;
  const { tokensPerSecond, stepMs, peakRssMb, steps } = result;
  const mfu = mfuOf(result, ceilingGflops);
  return (
    `${tokensPerSecond.toFixed(0)} tokens/s, ${stepMs.median.toFixed(1)} ms a step (of ${steps}), ` +
    `${mfu === undefined ? '' : `MFU ${(100 * mfu).toFixed(0)} %, `}${peakRssMb.toFixed(0)} MiB`
  );
}
