// A process of its own: `generation-worker.js JSON` (the settings of step-worker.js) summarizes the batch greedily, each
// summary of as many tokens as the batch's targets, and again for each line of standard input.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { openEngine } from '../device/engine/engine.js';
import type { Workload } from './geometries.js';
import { peakRssMb, type WorkerSettings } from './worker.js';

export interface GenerationAnswer {
  tokens: number;
  ms: number;
  peakRssMb: number;
}

const settings = JSON.parse(process.argv[2]!) as WorkerSettings;
const { examples, source, target } = JSON.parse(readFileSync(settings.workload, 'utf8')) as Workload;
const [maxSourceTokens, maxTargetTokens] = [source[0]!.length, target[0]!.length];
const engine = await openEngine(settings.model, settings.engine);
const sources = examples.map((example) => example.source);

async function generate(): Promise<void> {
  const text = { prefix: '', maxSourceTokens, maxTargetTokens };
  const total = { tokens: 0, ms: 0 };
  await engine.summarize(undefined, sources, text, {
    batchSize: sources.length,
    minTokens: maxTargetTokens,
    report(batch) {
      total.tokens += batch.tokens;
      total.ms += batch.ms;
    },
  });
  const answer: GenerationAnswer = { ...total, peakRssMb: peakRssMb() };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

await generate();
for await (const _ of createInterface(process.stdin)) await generate();
