/** A cell of the sweep in a process of its own: an out-of-memory kill ends the cell, and its peak is its own. */
import { join } from 'node:path';
import {
  type Engine,
  geometryOf,
  loraStepFlops,
  openCeiling,
  openEngine,
  productsOf,
  readConfigFile,
} from '../../device/engine/engine.js';
import { ownPeakBytes, peakRssBytes } from '../memory.js';
import type { CellJob, CellReply } from './cell-messages.js';
import { sweepLora } from './lora.js';
import type { Cell } from './plan.js';

/** A batch that takes next to no memory beside the weights. */
const smallest = { batch: 1, source: 8, target: 8 };

process.on('disconnect', () => process.exit(0));
process.on('SIGINT', () => {}); // Ctrl-C reaches the whole group; the command ends its children.
process.once('message', (job: CellJob) => {
  const work = job.kind === 'ceiling' ? ceiling(job) : steps(job);
  work
    .catch((error: unknown) =>
      reply({ kind: 'failed', message: error instanceof Error ? error.message : `${error}` }),
    )
    .finally(() => process.disconnect());
});

async function ceiling({ model, threads, cell }: CellJob & { kind: 'ceiling' }): Promise<void> {
  const { config } = await readConfigFile(join(model, 'config.json'));
  const { batch, source, target } = cell;
  const products = await openCeiling(productsOf(config, batch, source, target), threads);
  const rates = [await products.measure(), await products.measure()];
  await products.release();
  reply({ kind: 'ceiling', gflops: Math.max(...rates.map(({ gflops }) => gflops)) });
}

async function steps(job: CellJob & { kind: 'steps' }): Promise<void> {
  const { cell, warmUp, repetitions, seconds } = job;
  const engine = await openEngine(job.model, { ...job.engine, whole: true });
  await trainer(engine, smallest)(1, () => {});
  const loadedBytes = peakBytes();
  const train = trainer(engine, cell);
  await train(warmUp, () => {});
  reply({ kind: 'measuring' });
  const from = performance.now();
  do await train(repetitions, (ms, parts) => reply({ kind: 'step', ms, parts }));
  while (performance.now() - from < seconds * 1000);
  const { rank, targets } = sweepLora;
  const geometry = geometryOf(engine.config);
  const flops = cell.batch * loraStepFlops(geometry, cell.source, cell.target, rank, targets);
  reply({ kind: 'done', flops, loadedBytes, peakRssBytes: peakBytes() });
  await engine.release();
}

/** Trains a fresh adapter on one batch without padding. @throws Error where its rows are shorter than the cell says */
function trainer(engine: Engine, { batch, source, target }: Omit<Cell, 'baseBits'>) {
  // A word is a token at least, so each text is longer than its limit and cut to it.
  const words = (row: number, count: number) =>
    Array.from({ length: count }, (_, n) => `pump ${(row + 1) * (n + 1)}`).join(' ');
  const examples = Array.from({ length: batch }, (_, row) => ({
    source: words(row, source),
    target: words(row, target),
  }));
  const tensors = engine.freshAdapter(sweepLora, 1);
  const text = { prefix: '', maxSourceTokens: source, maxTargetTokens: target };
  return async (
    count: number,
    done: (ms: number, parts: (CellReply & { kind: 'step' })['parts']) => void,
  ): Promise<void> => {
    if (count === 0) return;
    const training = {
      steps: count,
      epochs: count,
      batchSize: batch,
      accumulation: 1,
      learningRate: 1e-4,
      weightDecay: 0.01,
      warmupSteps: 0,
      schedule: 'constant',
      clipNorm: 1,
    } as const;
    await engine.train({ lora: sweepLora, tensors }, examples, training, text, 1, (step) => {
      if (step.tokens !== batch * (source + target)) throw new Error(`a step of ${step.tokens} tokens`);
      done(step.ms, step.parts);
    });
  };
}

const peakBytes = () => peakRssBytes(process.pid) ?? ownPeakBytes();

const reply = (message: CellReply) => process.send?.(message);
