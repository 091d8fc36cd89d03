import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import {
  computedTokens,
  type Encoded,
  largestFirst,
  microBatches,
  pieces,
  plannedBatches,
  sourceFeeds,
  targetFeeds,
  tokens,
} from '../../../device/engine/batches.js';
import { parseConfig } from '../../../device/engine/config.js';
import { masked } from '../../../device/engine/t5.js';
import { openTokenizer } from '../../../device/engine/tokenizer.js';
import { readExamples } from '../../../device/shards.js';
import { random } from '../../../schemas/random.js';
import { tinyConfig } from './model-folder.js';

const config = parseConfig(tinyConfig, 'config.json');
const next = random(1);
const many: Encoded[] = Array.from({ length: 203 }, () => ({
  source: new Array(1 + Math.floor(next() * 200)).fill(5),
  target: [6, 1],
}));
/** Tokens that are text among all that are computed, of source and target. */
const share = (batches: readonly (readonly Encoded[])[]) => tokens(batches.flat()) / computedTokens(batches);

test('a pass over the examples takes each of them once', () => {
  for (const size of [1, 7, 8, 203, 500]) {
    const batches = plannedBatches(many, size, 'seed');
    assert.equal(batches.length, Math.ceil(many.length / size));
    assert.equal(new Set(batches.flat()).size, many.length);
    assert(batches.every((batch) => batch.length > 0 && batch.length <= size));
  }
  assert.deepEqual(plannedBatches([], 8, 'seed'), []);
});

test('the order depends on the seed alone', () => {
  assert.deepEqual(plannedBatches(many, 8, 'a'), plannedBatches(many, 8, 'a'));
  assert.notDeepEqual(plannedBatches(many, 8, 'a'), plannedBatches(many, 8, 'b'));
});

/** Lengths as of chat: most are short, few are four times the median; a longer one has a somewhat longer summary. */
const chats: Encoded[] = Array.from({ length: 3000 }, () => {
  const spread = () => Math.exp(1.2 * (next() + next() + next() - 1.5));
  const source = Math.min(512, Math.ceil(130 * spread()));
  const target = Math.min(95, Math.ceil((12 + source / 10) * spread()));
  return { source: new Array(source).fill(5), target: new Array(target).fill(5) };
});

test('of all computed tokens of batches of like lengths, source and target, at least 85 % are text', () => {
  for (const size of [4, 8, 16]) {
    const found = share(plannedBatches(chats, size, 'seed'));
    assert(found > 0.85, `batches of ${size}: ${found}`);
  }
  assert(share(pieces(chats, 8)) < 0.6, 'which takes some doing');
});

const data = '../shared/data';
const skip = existsSync(data) ? false : `${data} is not here: no SAMSum`;
test('so it is on SAMSum, at the limits of the paper and at shorter ones', { skip }, async (t) => {
  const { encode } = await openTokenizer(`${data}/t5-tokenizer`);
  const { examples } = await readExamples(`${data}/samsum/train.json.gz`, {
    dialogueField: '',
    summaryField: '',
  });
  const some = examples.slice(0, 3000).map((example) => ({
    source: encode(`summarize: ${example.source}`, 512),
    target: encode(example.target, 95),
  }));
  for (const [source, target] of [
    [512, 95],
    [192, 64],
  ] as const) {
    const cut = some.map((e) => ({ source: e.source.slice(0, source), target: e.target.slice(0, target) }));
    for (const size of [4, 8, 16]) {
      const found = share(plannedBatches(cut, size, 'seed'));
      const told = `${(100 * found).toFixed(1)} % text in batches of ${size} at ${source}/${target}`;
      t.diagnostic(`${told}; in unsorted ones ${(100 * share(pieces(cut, size))).toFixed(1)} %`);
      assert(found > 0.85, told);
    }
  }
});

test('the largest batch goes before the others, whose order stays', () => {
  const [small, large, other] = [many.slice(0, 1), many.slice(1, 90), many.slice(90, 93)];
  assert.deepEqual(largestFirst([small, other, large, small]), [large, small, other, small]);
  assert.deepEqual(largestFirst([]), []);
});

test('a batch is padded to a multiple of 8, and padding is masked and weighs nothing', () => {
  const batch = [
    { source: [5, 6, 1], target: [7, 1] },
    { source: [5, 6, 7, 8, 9, 10, 11, 12, 1], target: [9, 8, 1] },
  ];
  const { source, sourceMask } = sourceFeeds(config, batch);
  assert.deepEqual(source!.shape, [2, 16]);
  assert.deepEqual([...source!.data].slice(0, 5).map(Number), [5, 6, 1, 0, 0]);
  assert.deepEqual([...sourceMask!.data].slice(0, 5), [0, 0, 0, Math.fround(masked), Math.fround(masked)]);

  const feeds = targetFeeds(config, batch, 5);
  const { target, labels, labelWeights, labelRows, labelPlaces, causalMask } = feeds;
  assert.deepEqual([...target!.data].map(Number), [0, 7, 0, 0, 0, 0, 0, 0, 0, 9, 8, 0, 0, 0, 0, 0]);
  assert.deepEqual([...labels!.data].map(Number), [7, 1, 0, 0, 0, 0, 0, 0, 9, 8, 1, 0, 0, 0, 0, 0]);
  const weight = Math.fround(1 / 5);
  const [two, three] = [new Array(2).fill(weight), new Array(3).fill(weight)];
  assert.deepEqual([...labelWeights!.data], [...two, 0, 0, 0, 0, 0, 0, ...three, 0, 0, 0, 0, 0]);
  assert.deepEqual(labelRows!.shape, [1, 5]);
  assert.deepEqual([...labelRows!.data].map(Number), [0, 1, 8, 9, 10], 'only what counts is computed');
  assert.deepEqual([...labelPlaces!.data].map(Number), [0, 1, 0, 0, 0, 0, 0, 0, 2, 3, 4, 0, 0, 0, 0, 0]);
  assert.deepEqual([...causalMask!.data].slice(8, 11), [0, 0, Math.fround(masked)]);
});

test('a batch in parts: even ones, of like sources, every example once', () => {
  const batch = [5, 90, 7, 80, 6].map((length) => ({ source: new Array(length).fill(3), target: [4, 1] }));
  const lengths = (rows: number) =>
    microBatches(batch, rows).map((part) => part.map(({ source }) => source.length));
  assert.deepEqual(lengths(4), [
    [90, 80, 7],
    [6, 5],
  ]);
  assert.deepEqual(lengths(2), [[90, 80], [7, 6], [5]]);
  assert.deepEqual(lengths(5), [[5, 90, 7, 80, 6]]);
  assert.deepEqual(lengths(Number.POSITIVE_INFINITY), [[5, 90, 7, 80, 6]]);
});
