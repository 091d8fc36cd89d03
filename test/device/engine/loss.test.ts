import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labelBlocks } from '../../../device/engine/loss.js';

test('many labels are split into like blocks that hold each place once, and each place finds its row', () => {
  const weights = Float32Array.from({ length: 1152 }, (_, i) => (i % 3 === 0 ? 0 : 0.5));
  const { labelRows, labelPlaces } = labelBlocks(weights);
  assert.deepEqual(labelRows!.shape, [3, 256]);
  assert.equal(new Set([...labelRows!.data].map(Number)).size, 768);
  for (const [place, weight] of weights.entries())
    if (weight > 0) assert.equal(Number(labelRows!.data[Number(labelPlaces!.data[place])]), place);
});

test('the last block is filled up, and a batch without labels still has a row to compute', () => {
  const some = labelBlocks(new Float32Array(385).fill(1));
  assert.deepEqual(some.labelRows!.shape, [2, 193]);
  assert.equal(Number(some.labelRows!.data.at(-1)), 0);
  assert.deepEqual(labelBlocks(new Float32Array(8)).labelRows!.shape, [1, 1]);
});
