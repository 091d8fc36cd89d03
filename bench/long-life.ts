/**
 * How the memory of one trainer life grows: `node dist/bench/long-life.js [STEPS] [LOADS]` takes so many steps in tasks
 * of 100, then opens, uses and releases the built-in model so many times. Anonymous memory, garbage collected.
 */
import { type Engine, openEngine } from '../device/engine/engine.js';
import { residentBytes } from '../device/trainer-wear.js';

const [steps = 2000, loads = 50] = process.argv.slice(2).map(Number);
const model = 'builtin/model';
const lora = { rank: 8, alpha: 16, targets: ['q', 'v'] };
const text = { prefix: 'summarize: ', maxSourceTokens: 96, maxTargetTokens: 24 };
const training = {
  steps: 100,
  epochs: 1000,
  batchSize: 4,
  accumulation: 1,
  learningRate: 0.001,
  weightDecay: 0,
  warmupSteps: 0,
  schedule: 'constant',
  clipNorm: 1,
} as const;

// Lengths differ from batch to batch, as they do in a shard.
const examples = Array.from({ length: 64 }, (_, i) => ({
  source: `Ann: Pump ${i} leaks again. `.repeat(1 + (i % 7)),
  target: `Bob changes the seal of pump ${i}. `.repeat(1 + (i % 3)),
}));

async function trained(engine: Engine, settings: { steps: number }, seed: number): Promise<void> {
  const adapter = { lora, tensors: engine.freshAdapter(lora, seed) };
  await engine.train(adapter, examples, { ...training, ...settings }, text, seed);
}

async function tell(what: string, count: number, first: number): Promise<void> {
  const now = await residentBytes();
  const growth = (100 * (now / first - 1)).toFixed(1);
  console.log(`${what} ${String(count).padStart(5)}  ${(now / 2 ** 20).toFixed(1)} MiB  ${growth} %`);
}

const engine = await openEngine(model, { threads: 1 });
await trained(engine, training, 0);
const afterFirst = await residentBytes();
for (let done = training.steps; done <= steps; done += training.steps) {
  if (done > training.steps) await trained(engine, training, done);
  if (done % (4 * training.steps) === 0 || done === training.steps) await tell('steps', done, afterFirst);
}
await engine.release();

let afterLoad: number | undefined;
for (let load = 1; load <= loads; load++) {
  const another = await openEngine(model, { threads: 1 });
  await trained(another, { steps: 2 }, load);
  await another.release();
  afterLoad ??= await residentBytes();
  if (load === 1 || load % 10 === 0) await tell('loads', load, afterLoad);
}
