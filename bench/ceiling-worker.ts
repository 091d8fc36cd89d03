// A process of its own: `ceiling-worker.js MODEL THREADS BATCH SOURCE TARGET` measures the matrix product, and again
// for each line of standard input.
import { createInterface } from 'node:readline';
import { openCeiling, productsOf } from '../device/engine/ceiling.js';
import { readConfig } from '../device/engine/config.js';

const [model, threads, ...sizes] = process.argv.slice(2);
const [batch, source, target] = sizes.map(Number) as [number, number, number];
const ceiling = await openCeiling(
  productsOf(await readConfig(model!), batch, source, target),
  Number(threads),
);
const say = async () => process.stdout.write(`${JSON.stringify(await ceiling.measure())}\n`);
await say();
for await (const _ of createInterface(process.stdin)) await say();
