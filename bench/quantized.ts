/**
 * `npm run bench:quantized`: a frozen base of 8 and 4 bits beside 32. Speed and memory of LoRA steps at FLAN-T5's
 * geometries, by turns and each in a process of its own; then, on trained models, the gradient's cosine to that of 32
 * bits and the loss after 200 steps from the same start. A larger trained model than the built-in one is made by
 * `node dist/builtin/pretrain.js --out FOLDER --steps 1600 --rate 0.0015 --batch 16 --threads 1 --examples 30000
 * --change '{"d_model":256,"d_ff":512,"num_heads":8}'`, half an hour of one core.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readFlags } from './flags.js';
import { modelFolder, type Size, workload } from './geometries.js';
import { folders, median } from './machine.js';
import { qualityOf } from './quantized-quality.js';
import { type StepAnswer, startWorker, type WorkerSettings } from './worker.js';

const values = readFlags({
  sizes: { type: 'string', default: 'small,base,large' },
  models: { type: 'string', default: 'builtin/model' },
  rounds: { type: 'string', default: '3' },
  steps: { type: 'string', default: '200' },
  threads: { type: 'string', default: '2' },
});
const threads = Number(values.threads);
const widths = ['32', '8', '4'] as const;
const batches: Record<Size, number> = { small: 8, base: 4, large: 2, xl: 1 };
const lengths = { source: 256, target: 48 };
const list = (text: string) => text.split(',').filter(Boolean);

/** Step times and peaks of a geometry: one step each by turns, as often as there are rounds. */
async function speedOf(size: Size): Promise<Record<string, string | number>[]> {
  const scratch = await mkdtemp(join(tmpdir(), 'fleetune-quantized-'));
  try {
    const model = await modelFolder(size, folders.models);
    const path = join(scratch, 'workload.json');
    await writeFile(path, JSON.stringify(await workload(model, batches[size], lengths)));
    const script = fileURLToPath(new URL('./step-worker.js', import.meta.url));
    const rows = widths.map((baseBits) => ({ baseBits, ms: [] as number[], startMs: 0, peakRssMb: 0 }));
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const row of rows) {
        const engine = { threads, spinning: true, baseBits: row.baseBits };
        const settings: WorkerSettings = { model, workload: path, engine };
        const worker = await startWorker<StepAnswer>(process.execPath, [script, JSON.stringify(settings)]);
        const { ms, peakRssMb } = await worker.ask('2');
        await worker.end();
        row.ms.push(...ms);
        row.startMs = worker.startMs;
        row.peakRssMb = Math.max(row.peakRssMb, peakRssMb);
      }
    }
    return rows.map(({ baseBits, ms, startMs, peakRssMb }) => ({
      ...{ size, baseBits, 'step ms': Math.round(median(ms)), 'least ms': Math.round(Math.min(...ms)) },
      ...{ 'start to first step ms': Math.round(startMs), 'peak MiB': Math.round(peakRssMb) },
    }));
  } finally {
    await rm(scratch, { recursive: true });
  }
}

for (const size of list(values.sizes)) console.table(await speedOf(size as Size));
for (const model of list(values.models)) console.table(await qualityOf(model, Number(values.steps), threads));
