// A process of its own: `step-worker.js JSON` opens a model, trains a step, says so, and then trains as many as each
// line of standard input asks for. Its peers (bench/peers/step.py) keep the same protocol: JSON lines both ways.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { openEngine } from '../device/engine/engine.js';
import { lora, type Workload } from './geometries.js';
import { peakRssMb, type StepAnswer, type WorkerSettings } from './worker.js';

const settings = JSON.parse(process.argv[2]!) as WorkerSettings;
const { examples, source, target } = JSON.parse(readFileSync(settings.workload, 'utf8')) as Workload;
const engine = await openEngine(settings.model, settings.engine);
const text = { prefix: '', maxSourceTokens: source[0]!.length, maxTargetTokens: target[0]!.length };
const tensors = engine.freshAdapter(lora, 1);

async function steps(count: number): Promise<StepAnswer> {
  const training = {
    steps: count,
    epochs: count,
    batchSize: examples.length,
    accumulation: 1,
    learningRate: 1e-4,
    weightDecay: 0.01,
    warmupSteps: 0,
    schedule: 'constant',
    clipNorm: 1,
  } as const;
  const ms: number[] = [];
  let loss = 0;
  await engine.train({ lora, tensors }, examples, training, text, 1, (step) => {
    if (step.step === 1) loss = step.loss;
    ms.push(step.ms);
  });
  return { ms, loss, peakRssMb: peakRssMb() };
}

const say = (answer: StepAnswer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
say(await steps(1));
for await (const line of createInterface(process.stdin)) say(await steps(Number(line)));
