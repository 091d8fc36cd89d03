import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Encoded, plannedBatches, sourceFeeds, targetFeeds } from '../../../device/engine/batches.js';
import { parseConfig } from '../../../device/engine/config.js';
import { masked } from '../../../device/engine/t5.js';
import { random } from '../../../schemas/random.js';
import { tinyConfig } from './model-folder.js';

const config = parseConfig(tinyConfig, 'config.json');
const next = random(1);
const many: Encoded[] = Array.from({ length: 203 }, () => ({
  source: new Array(1 + Math.floor(next() * 200)).fill(5),
  target: [6, 1],
}));
const longest = (batch: readonly Encoded[]) => Math.max(...batch.map(({ source }) => source.length));

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

test('batches are of like lengths, which leaves little padding', () => {
  const padding = (batches: readonly (readonly Encoded[])[]) =>
    batches.reduce((sum, batch) => sum + batch.length * longest(batch), 0) /
    many.reduce((sum, { source }) => sum + source.length, 0);
  const unsorted = Array.from({ length: 26 }, (_, i) => many.slice(8 * i, 8 * i + 8));
  assert(padding(plannedBatches(many, 8, 'seed')) < 1.15, String(padding(plannedBatches(many, 8, 'seed'))));
  assert(padding(unsorted) > 1.5);
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

  const { target, labels, labelWeights, causalMask } = targetFeeds(config, batch, 5);
  assert.deepEqual([...target!.data].map(Number), [0, 7, 0, 0, 0, 0, 0, 0, 0, 9, 8, 0, 0, 0, 0, 0]);
  assert.deepEqual([...labels!.data].map(Number), [7, 1, 0, 0, 0, 0, 0, 0, 9, 8, 1, 0, 0, 0, 0, 0]);
  const weight = Math.fround(1 / 5);
  const [two, three] = [new Array(2).fill(weight), new Array(3).fill(weight)];
  assert.deepEqual([...labelWeights!.data], [...two, 0, 0, 0, 0, 0, 0, ...three, 0, 0, 0, 0, 0]);
  assert.deepEqual([...causalMask!.data].slice(8, 11), [0, 0, Math.fround(masked)]);
});
