import { join } from 'node:path';
import { readConfigFile } from '../device/engine/engine.js';
import { requireFolder } from '../runtime/files.js';
import { readArguments } from '../runtime/settings.js';
import type { CommandTitle } from './commands.js';
import { stopOnSignals } from './signals.js';
import { availableBytes } from './sweep/available-memory.js';
import { Cells } from './sweep/cell.js';
import { cellsOf, gigabytes, type Sweep } from './sweep/plan.js';
import { findMeter, idleWatts, type PowerMeter } from './sweep/power.js';
import { progressLine } from './sweep/progress.js';
import { closing, writeResults } from './sweep/record.js';
import { isMeasured } from './sweep/results.js';
import { type Found, measured } from './sweep/run.js';
import { type BenchSettings, benchSettings, sweepOf } from './sweep/settings.js';

/** Of a look at the machine at rest. */
const idleMs = 1000;

/** `fleetune bench`: batch size × source length × precision, as the micro-benchmark of arXiv 2310.03150. */
export async function bench(argv: readonly string[], { name, summary }: CommandTitle): Promise<void> {
  const sources = { argv, env: process.env, command: name, summary };
  const { settings } = readArguments(benchSettings, sources, 0);
  const sweep = sweepOf(settings, name);
  await readConfigFile(join(settings.model, 'config.json')); // Refuses before anything is measured.
  await requireFolder(settings.out, 'the folder of results');
  const meter = await findMeter(settings.sensorRoot);
  const limitMb = settings.maxMemoryMb || (0.9 * availableBytes()) / 1024 ** 2;
  const cells = new Cells(meter);
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const stopping = stopOnSignals(
    () => {
      cells.stop();
      return finished; // What was measured is still written.
    },
    () => cells.stop(),
  );
  process.stderr.write(`${opening(sweep, settings, meter, limitMb)}\n`);
  const idle = meter && (await idleWatts(meter, idleMs));
  const found: Found = { results: [], ceilingGflops: undefined, idleWatts: idle };
  const show = progressLine(process.stderr);
  const write = () => writeResults(settings, sweep, found, limitMb, meter);
  for await (const _ of measured(sweep, settings, cells, limitMb, found, show, stopping)) await write();
  show.end();
  await write();
  await meter?.close();
  process.stdout.write(`${closing(sweep, settings, found, limitMb)}\n`);
  finish();
  if (!stopping()) process.exitCode = found.results.some(isMeasured) ? 0 : 1;
}

function opening(
  sweep: Sweep,
  settings: BenchSettings,
  meter: PowerMeter | undefined,
  limitMb: number,
): string {
  const threads = `${settings.threads} thread${settings.threads === 1 ? '' : 's'}`;
  return (
    `${settings.model}: ${cellsOf(sweep).length} cells on ${threads}, each in a process of its own, ` +
    `up to ${gigabytes(limitMb)}; power: ${meter?.source ?? 'no sensor'}; Ctrl-C keeps what is measured`
  );
}
