import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { demoHeldOut, demoShards } from '../builtin/corpus.js';

const perDevice = 400;
const heldOutPerDevice = 32;
const seed = 1;

/** Writes folders 1, 2, … with the built-in text of a device each: `train.jsonl` of one domain, `held-out.jsonl` of all. */
export function writeSamples(out: string, devices: number): void {
  const heldOut = demoHeldOut(devices * heldOutPerDevice, seed);
  demoShards({ devices, perDevice, seed }).forEach((shard, i) => {
    const folder = join(out, String(i + 1));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'train.jsonl'), lines(shard));
    writeFileSync(join(folder, 'held-out.jsonl'), lines(heldOut.filter((_, n) => n % devices === i)));
  });
}

const lines = (examples: readonly { dialogue: string; summary: string }[]) =>
  examples.map(({ dialogue, summary }) => `${JSON.stringify({ dialogue, summary })}\n`).join('');
