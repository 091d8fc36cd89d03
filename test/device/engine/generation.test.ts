import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { type Decoding, greedyDecoding } from '../../../device/engine/decoding.js';
import { generate } from '../../../device/engine/generate.js';
import { encode, type Reader } from '../../../device/engine/reading.js';
import { readingGraph } from '../../../device/engine/reading-graph.js';
import { openSession } from '../../../device/engine/session.js';
import { loraOf, readGolden, trainable, type versions } from './golden.js';

/** generation.json, which transformers wrote (generation.py beside it says how). */
interface Generation {
  batch: number;
  options: (Partial<Decoding> & Pick<Decoding, 'maxTokens'>)[];
  groups: {
    version: (typeof versions)[number];
    variant: 'base' | 'adapter';
    inputs: number[][];
    /** [option][input] */
    generated: number[][][];
  }[];
}

const reference: Generation = JSON.parse(
  await readFile('test/device/engine/goldens/generation.json', 'utf8'),
);
const decodings = reference.options.map((option): Decoding => ({ ...greedyDecoding, ...option }));

async function readerOf(version: (typeof versions)[number], variant: 'base' | 'adapter'): Promise<Reader> {
  const golden = await readGolden(version);
  const { config, weights } = golden;
  const graph = readingGraph({ config, weights, lora: loraOf(golden, variant) });
  const adapter = variant === 'base' ? new Map() : await trainable(golden, variant);
  return { session: await openSession(graph, golden.session), config, adapter };
}

/** What the engine makes of the inputs, in padded batches. */
async function generated(reader: Reader, inputs: number[][], batch: number, decoding: Decoding) {
  const all: number[][] = [];
  for (let at = 0; at < inputs.length; at += batch) {
    const rows = inputs.slice(at, at + batch).map((source) => ({ source, target: [1] }));
    all.push(...(await generate(reader, await encode(reader, rows), decoding)));
  }
  return all;
}

test('the reference has at least 200 inputs, and its options matter: each set gives other tokens', () => {
  const inputs = reference.groups.reduce((sum, group) => sum + group.inputs.length, 0);
  assert(inputs >= 200, `${inputs} inputs`);
  const all = decodings.map((_, i) => reference.groups.flatMap((group) => group.generated[i]!.map(String)));
  for (const [i, mine] of all.entries()) {
    if (decodings[i]!.maxTokens > 1)
      assert(
        mine.some((ids) => ids.endsWith(',1')),
        `set ${i} ends nowhere`,
      );
    for (const [j, other] of all.slice(0, i).entries())
      assert(
        mine.some((ids, row) => ids !== other[row]),
        `sets ${i} and ${j} are alike`,
      );
  }
});

for (const { version, variant, inputs, generated: expected } of reference.groups) {
  test(`${version}, ${variant}: greedy and beam search give transformers' tokens under every set of options`, async () => {
    const reader = await readerOf(version, variant);
    for (const [i, decoding] of decodings.entries()) {
      const found = await generated(reader, inputs, reference.batch, decoding);
      for (const [row, ids] of found.entries())
        assert.deepEqual(ids, expected[i]![row], `${JSON.stringify(decoding)}, input ${row}`);
    }
  });
}

test('a batch of another size gives the same tokens: done rows leave it, longer summaries outgrow the cache', async () => {
  const [{ version, variant, inputs }] = reference.groups as [Generation['groups'][number]];
  const reader = await readerOf(version, variant);
  const decoding = { ...decodings[7]!, maxTokens: 60 };
  const some = inputs.slice(0, 7);
  assert.deepEqual(await generated(reader, some, 7, decoding), await generated(reader, some, 1, decoding));
});
