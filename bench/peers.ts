/**
 * `npm run bench:peers`: the same LoRA step here and in PyTorch with transformers and peft: same weights, batch, threads
 * and optimizer, by turns, each in a process of its own. Writes bench/results/peers.json.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readFlags } from './flags.js';
import { modelFolder, workload } from './geometries.js';
import { installed } from './installed.js';
import { folders, machine, median } from './machine.js';
import { markdown } from './markdown.js';
import {
  chosenVariants,
  comparisons,
  installedComparison,
  type Measured,
  type PeerRow,
  variants,
  verdicts,
} from './peer-rows.js';
import { chosenRows, peerRows, type Row, rows } from './rows.js';
import { installedPeers, pythonOf } from './venv.js';
import { type StepAnswer, startWorker, type Worker } from './worker.js';

const values = readFlags({
  venv: { type: 'string', default: '' },
  rows: { type: 'string', default: peerRows.join(',') },
  variants: { type: 'string', default: variants.join(',') },
  rounds: { type: 'string', default: '4' },
  steps: { type: 'string', default: '3' },
  starts: { type: 'string', default: '3' },
  threads: { type: 'string', default: '2' },
});
const [rounds, starts, threads] = [values.rounds, values.starts, values.threads].map(Number) as [
  number,
  number,
  number,
];
const python = await pythonOf(values.venv);

/** Both sides of a row with a variant of theirs. @throws Error where they don't train the same model */
async function compare(row: Row, variant: string, scratch: string): Promise<PeerRow[]> {
  const model = await modelFolder(row.size, folders.models);
  const file = join(scratch, 'workload.json');
  await writeFile(file, JSON.stringify(await workload(model, row.batch, row)));
  const common = { model, workload: file };
  const engine = { threads, spinning: true, ...row.engine };
  const startOurs = () =>
    startWorker<StepAnswer>(process.execPath, [
      fileURLToPath(new URL('./step-worker.js', import.meta.url)),
      JSON.stringify({ ...common, engine }),
    ]);
  const startTheirs = async (start: number) =>
    startWorker<StepAnswer>(
      python,
      ['bench/peers/step.py', JSON.stringify({ ...common, threads, variant })],
      {
        ...process.env,
        // A start compiles from nothing, as a user's first does, unless he has set a place for what is compiled.
        TORCHINDUCTOR_CACHE_DIR: process.env.TORCHINDUCTOR_CACHE_DIR ?? join(scratch, `inductor-${start}`),
      },
    );
  const [ourStarts, theirStarts] = [[] as number[], [] as number[]];
  let ours: Worker<StepAnswer> | undefined;
  let theirs: Worker<StepAnswer> | undefined;
  const all = variant === 'compiled' ? 1 : starts; // Compiling takes a minute or two.
  for (let start = 0; start < all; start++) {
    await ours?.end();
    await theirs?.end();
    ours = await startOurs();
    ourStarts.push(ours.startMs);
    theirs = await startTheirs(start);
    theirStarts.push(theirs.startMs);
  }
  requireSameLoss(ours!.first.loss, theirs!.first.loss, variant);
  const [a, b] = [measured(ourStarts), measured(theirStarts)];
  for (const side of [ours!, theirs!]) await side.ask('1'); // Warm-up: allocators settle, and what was compiled may be anew.
  for (let round = 0; round < rounds; round++) {
    add(a, await ours!.ask(values.steps));
    add(b, await theirs!.ask(values.steps));
    const told = [a, b].map(({ ms }) => ms.slice(-Number(values.steps)).map(Math.round).join(', '));
    process.stderr.write(
      `${row.size} ${variant} ${round + 1}/${rounds}: ours ${told[0]} ms, theirs ${told[1]} ms\n`,
    );
  }
  await ours!.end();
  await theirs!.end();
  return comparisons(row, variant, a, b);
}

const measured = (startMs: number[]): Measured => ({ startMs: median(startMs), ms: [], peakRssMb: 0 });

function add(to: Measured, answer: StepAnswer): void {
  to.ms.push(...answer.ms);
  to.peakRssMb = answer.peakRssMb;
}

function requireSameLoss(ours: number, theirs: number, variant: string): void {
  const bound = variant === 'bf16' ? 5e-2 : 1e-3;
  if (!(Math.abs(ours - theirs) <= bound * Math.abs(theirs)))
    throw new Error(`${variant}: the first loss is ${ours} here and ${theirs} there: not the same model`);
}

const scratch = await mkdtemp(join(tmpdir(), 'fleetune-peers-'));
const compared: PeerRow[] = [];
const path = join(folders.results, 'peers.json');
const [oursInstalled, theirsInstalled] = [await installed(), await installedPeers(python)];
try {
  for (const name of chosenRows(values.rows))
    for (const variant of chosenVariants(values.variants)) {
      compared.push(...(await compare(rows[name]!, variant, scratch)));
      await write(); // A run that is stopped leaves what it has.
    }
} finally {
  await rm(scratch, { recursive: true });
}
compared.push(installedComparison(oursInstalled, theirsInstalled));
await write();
console.log(markdown(compared));
for (const line of verdicts(compared)) console.log(line);
console.log(
  `installed: without CUDA's libraries, which are ${megabytes(theirsInstalled.cuda)} there and ` +
    `${megabytes(oursInstalled.cuda)} here; of ours Node itself is ${megabytes(oursInstalled.runtime)}`,
);
console.log(path);

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

async function write(): Promise<void> {
  await mkdir(folders.results, { recursive: true });
  const out = { machine: machine(), threads, rows: compared, installed: { oursInstalled, theirsInstalled } };
  await writeFile(path, `${JSON.stringify(out, null, 2)}\n`);
}
