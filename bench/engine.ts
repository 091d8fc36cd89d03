/**
 * `npm run bench:engine`: a LoRA training step of FLAN-T5-small geometry, beside the bare probe of the same step and
 * the machine's matrix product, by turns and each in a process of its own, so that all meet the same weather.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { initModel } from '../device/engine/engine.js';
import { loraStepFlops } from '../device/engine/flops.js';
import { batch, flanT5Small, geometry, rank, source, target } from './engine-shape.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    steps: { type: 'string', default: '6' },
    threads: { type: 'string', default: '2' },
  },
});
const { rounds, threads, steps } = values;
const probes = '../shared/probes';
const flops = batch * loraStepFlops(geometry, source, target, rank, ['q', 'v']);

/** Runs a program in a process of its own; its peak memory is the system's own account, said as it ends. */
async function measured(file: string, ...args: string[]): Promise<{ output: string; peakMiB: number }> {
  const account = 'process.on("exit", () => console.error("peak", process.resourceUsage().maxRSS))';
  const node = ['--import', `data:text/javascript,${encodeURIComponent(account)}`, file, ...args];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, node);
  return { output: stdout, peakMiB: Number(/^peak (\d+)$/m.exec(stderr)![1]) / 1024 };
}

const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;

/** What the processes of one program said: milliseconds of the fastest step of each round, and the highest peak. */
interface Rounds {
  best: number[];
  peakMiB: number;
}

const ours: Rounds = { best: [], peakMiB: 0 };
const probe: Rounds = { best: [], peakMiB: 0 };
const ceiling = { gigaflops: 0, peakMiB: 0 };
const ourSteps: number[] = [];

function add(rounds: Rounds, ms: number, peakMiB: number): void {
  rounds.best.push(ms);
  rounds.peakMiB = Math.max(rounds.peakMiB, peakMiB);
}

async function round(model: string): Promise<void> {
  const step = await measured(
    fileURLToPath(new URL('./engine-step.js', import.meta.url)),
    model,
    threads,
    steps,
  );
  const ms = (JSON.parse(step.output) as number[]).slice(1); // The first step fills the runtime's arenas.
  ourSteps.push(...ms);
  add(ours, Math.min(...ms), step.peakMiB);
  if (!existsSync(probes)) return;
  const shape = [`B=${batch}`, `S=${source}`, `T=${target}`, `n=${steps}`, `th=${threads}`];
  const bare = await measured(join(probes, 'train-step.mjs'), ...shape);
  add(probe, Number(/step (\d+) ms/.exec(bare.output)![1]), bare.peakMiB);
  const product = await measured(join(probes, 'gemm-ceiling.mjs'), `threads=${threads}`);
  ceiling.gigaflops = Math.max(ceiling.gigaflops, Number(/ceiling: (\d+)/.exec(product.output)![1]));
  ceiling.peakMiB = Math.max(ceiling.peakMiB, product.peakMiB);
}

/** A line of the table: rates are those of the fastest step. */
function line({ best, peakMiB }: Rounds): Record<string, string> {
  const ms = Math.min(...best);
  const gigaflops = flops / ms / 1e6;
  return {
    'min ms': ms.toFixed(0),
    'tokens/s': ((batch * (source + target) * 1000) / ms).toFixed(0),
    'GFLOP/s': gigaflops.toFixed(0),
    MFU: ceiling.gigaflops > 0 ? `${((100 * gigaflops) / ceiling.gigaflops).toFixed(0)} %` : '',
    'peak MiB': peakMiB.toFixed(0),
  };
}

const shape = `B=${batch} S=${source} T=${target} r=${rank}, fp32, ${threads} threads`;
console.log(
  `LoRA step of FLAN-T5-small geometry, ${shape}: ${(flops / 1e9).toFixed(1)} GFLOP by the formula`,
);
const folder = await mkdtemp(join(tmpdir(), 'fleetune-bench-'));
try {
  const config = join(folder, 'flan-t5-small.config.json');
  await writeFile(config, JSON.stringify(flanT5Small));
  await initModel(config, 'builtin/model/tokenizer.json', folder, 1);
  for (let i = 0; i < Number(rounds); i++) await round(folder);
} finally {
  await rm(folder, { recursive: true });
}

const fleetune = { 'median ms': median(ourSteps).toFixed(0), ...line(ours) };
if (probe.best.length === 0) {
  console.table({ fleetune });
  console.log(`The probe and the ceiling are left out: there is no ${probes}.`);
} else {
  const product = { 'GFLOP/s': String(ceiling.gigaflops), 'peak MiB': ceiling.peakMiB.toFixed(0) };
  console.table({ fleetune, probe: line(probe), 'matrix product': product });
  const ratio = (a: readonly number[], b: readonly number[]) => (Math.min(...b) / Math.min(...a)).toFixed(2);
  const each = ours.best.map((ms, i) => ratio([ms], [probe.best[i]!])).join(', ');
  console.log(
    `speed, fleetune / probe: ${ratio(ours.best, probe.best)} by the fastest steps; by round ${each}`,
  );
}
