import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { EngineRow } from './rows.js';

const probes = '../shared/probes';

/** The bare probe of a small step, and the probe's matrix product, beside ours of the same run; undefined without them. */
export async function compareProbe(rows: readonly EngineRow[], threads: number): Promise<string | undefined> {
  const row = rows.find(({ model, baseBits }) => model === 'flan-t5-small' && baseBits === 32);
  if (!row || !existsSync(probes)) return undefined;
  const run = async (file: string, ...args: string[]) =>
    (await promisify(execFile)(process.execPath, [join(probes, file), ...args])).stdout;
  const shape = [`B=${row.batch}`, `S=${row.source}`, `T=${row.target}`, 'n=6', `th=${threads}`];
  const step = Number(/step (\d+) ms/.exec(await run('train-step.mjs', ...shape))?.[1]);
  const ceiling = Number(/ceiling: (\d+)/.exec(await run('gemm-ceiling.mjs', `threads=${threads}`))?.[1]);
  const ratio = (step / row.minStepMs).toFixed(2);
  return (
    `the probe beside: fastest step ${step} ms, ours ${row.minStepMs.toFixed(0)} ms (× ${ratio} as fast); ` +
    `its matrix product ${ceiling} GFLOP/s, ours ${row.ceilingGflops.toFixed(0)}`
  );
}
