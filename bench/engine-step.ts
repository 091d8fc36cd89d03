// A process of its own: `engine-step.js FOLDER THREADS STEPS` trains an adapter and writes each step's milliseconds.
import { type Example, openEngine } from '../device/engine/engine.js';
import { batch, rank, source, target } from './engine-shape.js';

const [folder, threads, steps] = process.argv.slice(2);
const engine = await openEngine(folder!, { threads: Number(threads), spinning: true });
const lora = { rank, alpha: 2 * rank, targets: ['q', 'v'] };
// Longer than the limits, so that every row is cut to the same length: no padding, as in the probe.
const words = (i: number, count: number) =>
  Array.from({ length: count }, (_, n) => `pump ${i * n}`).join(' ');
const examples: Example[] = Array.from({ length: batch }, (_, i) => ({
  source: words(i, source),
  target: words(i, target),
}));
const training = {
  steps: Number(steps),
  epochs: Number(steps),
  batchSize: batch,
  accumulation: 1,
  learningRate: 1e-4,
  weightDecay: 0.01,
  warmupSteps: 0,
  schedule: 'constant',
  clipNorm: 1,
} as const;
const text = { prefix: '', maxSourceTokens: source, maxTargetTokens: target };
const ms: number[] = [];
await engine.train({ lora, tensors: engine.freshAdapter(lora, 1) }, examples, training, text, 1, (step) => {
  if (step.tokens !== batch * (source + target)) throw new Error(`a step of ${step.tokens} tokens`);
  ms.push(step.ms);
});
console.log(JSON.stringify(ms));
