// A process of its own: `cost-step.js JSON` trains two steps of one full batch and tells its memory in bytes.
import { readFileSync } from 'node:fs';
import { openEngine } from '../../../device/engine/engine.js';

const { folder, batch, source, target, lora, engine: settings } = JSON.parse(process.argv[2]!);
const words = (row: number, count: number) =>
  Array.from({ length: count }, (_, n) => `pump ${row * n}`).join(' ');
const engine = await openEngine(folder, { threads: 2, spinning: false, ...settings });
const examples = Array.from({ length: batch }, (_, row) => ({
  source: words(row, source),
  target: words(row, target),
}));
await engine.train(
  { lora, tensors: engine.freshAdapter(lora, 1) },
  examples,
  {
    ...{ steps: 2, epochs: 2, batchSize: batch, accumulation: 1, learningRate: 1e-4, weightDecay: 0 },
    ...{ warmupSteps: 0, schedule: 'constant', clipNorm: 1 },
  },
  { prefix: '', maxSourceTokens: source, maxTargetTokens: target },
  1,
);
const status = readFileSync('/proc/self/status', 'utf8');
const bytes = (field: string) => 1024 * Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)![1]);
console.log(JSON.stringify({ peak: bytes('VmHWM'), anonymous: bytes('RssAnon'), mapped: bytes('RssFile') }));
