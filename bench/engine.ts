/**
 * `npm run bench:engine`: LoRA steps of FLAN-T5's geometries beside the machine's own matrix product, by turns and each
 * in a process of its own, so that all meet the same weather; then greedy generation. Writes bench/results/engine.json.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Rate } from '../device/engine/ceiling.js';
import { readConfig } from '../device/engine/config.js';
import { geometryOf, loraStepFlops } from '../device/engine/flops.js';
import { readFlags } from './flags.js';
import type { GenerationAnswer } from './generation-worker.js';
import { lora, modelFolder, workload } from './geometries.js';
import { folders, machine, median } from './machine.js';
import { markdown } from './markdown.js';
import { compareProbe } from './probe.js';
import { chosenRows, defaultRows, type EngineRow, type Row, rows } from './rows.js';
import { type StepAnswer, startWorker, type WorkerSettings } from './worker.js';

const values = readFlags({
  rows: { type: 'string', default: defaultRows.join(',') },
  rounds: { type: 'string', default: '4' },
  steps: { type: 'string', default: '3' },
  threads: { type: 'string', default: '2' },
  generation: { type: 'boolean', default: true },
  probe: { type: 'boolean', default: true },
});
const [rounds, threads] = [Number(values.rounds), Number(values.threads)];

const script = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

async function measure(row: Row, settings: WorkerSettings): Promise<EngineRow> {
  const { size, batch, source, target, engine } = row;
  const geometry = geometryOf(await readConfig(settings.model));
  const flops = batch * loraStepFlops(geometry, source, target, lora.rank, lora.targets);
  const shape = [settings.model, ...[threads, batch, source, target].map(String)];
  const ceiling = await startWorker<Rate>(process.execPath, [script('ceiling-worker'), ...shape]);
  const ours = await startWorker<StepAnswer>(process.execPath, [
    script('step-worker'),
    JSON.stringify(settings),
  ]);
  const [ms, rates] = [[] as number[], [ceiling.first.gflops]];
  let peakRssMb = ours.first.peakRssMb;
  for (let round = 0; round < rounds; round++) {
    const answer = await ours.ask(values.steps);
    ms.push(...answer.ms);
    peakRssMb = answer.peakRssMb;
    rates.push((await ceiling.ask('')).gflops);
    process.stderr.write(`${size} ${round + 1}/${rounds}: ${answer.ms.map(Math.round).join(', ')} ms\n`);
  }
  await ours.end();
  await ceiling.end();
  const [stepMs, ceilingGflops] = [median(ms), median(rates)]; // Each rate is the best of its time already.
  const gflops = flops / stepMs / 1e6;
  return {
    model: `flan-t5-${size}`,
    baseBits: Number(engine.baseBits ?? 32),
    memory: engine.memory ?? 'fast',
    recompute: engine.recompute ?? false,
    batch,
    source,
    target,
    stepMs,
    minStepMs: Math.min(...ms),
    tokensPerSecond: (batch * (source + target) * 1000) / stepMs,
    gflops,
    ceilingGflops,
    mfu: gflops / ceilingGflops,
    peakRssMb,
  };
}

async function generation(row: Row, settings: WorkerSettings) {
  const worker = await startWorker<GenerationAnswer>(process.execPath, [
    script('generation-worker'),
    JSON.stringify(settings),
  ]);
  const answers = [await worker.ask(''), await worker.ask(''), await worker.ask('')];
  await worker.end();
  const { batch, source, target } = row;
  const tokensPerSecond = median(answers.map(({ tokens, ms }) => (tokens * 1000) / ms));
  return {
    model: `flan-t5-${row.size}`,
    batch,
    source,
    target,
    tokensPerSecond,
    peakRssMb: answers[2]!.peakRssMb,
  };
}

const scratch = await mkdtemp(join(tmpdir(), 'fleetune-bench-'));
const path = join(folders.results, 'engine.json');
const results: EngineRow[] = [];
const generated: Awaited<ReturnType<typeof generation>>[] = [];
try {
  for (const name of chosenRows(values.rows)) {
    const row = rows[name]!;
    const model = await modelFolder(row.size, folders.models);
    const file = join(scratch, `${name}.json`);
    await writeFile(file, JSON.stringify(await workload(model, row.batch, row)));
    const settings = { model, workload: file, engine: { threads, spinning: true, ...row.engine } };
    results.push(await measure(row, settings));
    if (values.generation && Object.keys(row.engine).length === 0)
      generated.push(await generation(row, settings));
    await write(); // A run that is stopped leaves what it has.
  }
} finally {
  await rm(scratch, { recursive: true });
}
const probe = values.probe ? await compareProbe(results, threads) : undefined;

console.log(`LoRA r=${lora.rank} on ${lora.targets.join(', ')}; ${threads} threads; medians of steps`);
console.log(markdown(results));
if (generated.length > 0) {
  console.log('Greedy generation of `target` tokens a row, encoder included');
  console.log(markdown(generated));
}
if (probe) console.log(probe);
console.log(path);

async function write(): Promise<void> {
  await mkdir(folders.results, { recursive: true });
  const out = { machine: machine(), threads, lora, rows: results, generation: generated };
  await writeFile(path, `${JSON.stringify(out, null, 2)}\n`);
}
