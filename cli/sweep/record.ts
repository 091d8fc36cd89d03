import os from 'node:os';
import { join } from 'node:path';
import { writeAtomic } from '../../runtime/files.js';
import { largestBatches, type Sweep } from './plan.js';
import { sweepPlot } from './plot.js';
import type { PowerMeter } from './power.js';
import { efficiencyText, isMeasured, largestText, mfuOf, sweepCsv, sweepTable } from './results.js';
import type { Found } from './run.js';
import type { BenchSettings } from './settings.js';

/** What stands on the terminal at the end. */
export function closing(sweep: Sweep, settings: BenchSettings, found: Found, limitMb: number): string {
  const { results, ceilingGflops, idleWatts } = found;
  const peaks = results.filter(isMeasured);
  const failed = results.filter(({ state }) => state === 'out of memory');
  const ceiling = ceilingGflops ? `${ceilingGflops.toFixed(0)} GFLOP/s` : 'not measured';
  return [
    sweepTable(results, ceilingGflops),
    '',
    `target ${sweep.target} tokens; LoRA step with AdamW; medians; matrix product of this machine, float32: ${ceiling}`,
    largestText(largestBatches(sweep, peaks, failed, limitMb), limitMb),
    ...[efficiencyText(results) ?? 'no power sensor: no watts, no tokens per joule'],
    ...(idleWatts === undefined
      ? []
      : [`idle before the sweep: ${idleWatts.toFixed(1)} W; nothing of it is subtracted`]),
    ...['csv', 'json', 'svg'].map((kind) => join(settings.out, `bench.${kind}`)),
  ].join('\n');
}

/** Replaces bench.csv, bench.json and bench.svg. */
export async function writeResults(
  settings: BenchSettings,
  sweep: Sweep,
  { results, ceilingGflops, idleWatts }: Found,
  limitMb: number,
  meter: PowerMeter | undefined,
): Promise<void> {
  const { out, model, threads } = settings;
  const cpu = os.cpus()[0]?.model ?? os.arch();
  const failed = results.filter(({ state }) => state === 'out of memory');
  const record = {
    at: new Date().toISOString(),
    machine: { cpu, cores: os.cpus().length, memoryMb: os.totalmem() / 1024 ** 2, node: process.version },
    settings,
    powerSource: meter?.source ?? 'none',
    idleWatts,
    ceilingGflops,
    limitMb,
    rows: results.map((row) => (isMeasured(row) ? { ...row, mfu: mfuOf(row, ceilingGflops) } : row)),
    largest: largestBatches(sweep, results.filter(isMeasured), failed, limitMb),
  };
  const plot = sweepPlot(results, {
    title: `LoRA step of ${model.replace(/\/+$/, '').split('/').slice(-2).join('/')}`,
    subtitle: `${cpu}, ${threads} threads, target ${sweep.target} tokens, ${record.at.slice(0, 10)}`,
    ceilingGflops,
    limitMb,
  });
  await writeAtomic(join(out, 'bench.csv'), sweepCsv(results, ceilingGflops));
  await writeAtomic(join(out, 'bench.json'), `${JSON.stringify(record, null, 2)}\n`);
  await writeAtomic(join(out, 'bench.svg'), plot);
}
