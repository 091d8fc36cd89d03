import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Contribution, weightedMean } from '../../coordinator/aggregate.js';
import { random } from '../../schemas/random.js';

function contribution(deviceId: string, weight: number, values: number[], name = 'w'): Contribution {
  const read = async () => new Map([[name, { data: Float32Array.from(values) }]]);
  return { deviceId, weight, read };
}

test('updates count by their examples', async () => {
  const mean = await weightedMean([contribution('a', 1, [4, 0]), contribution('b', 3, [0, 8])]);
  assert.deepEqual([...mean.get('w')!], [1, 6]);
});

test('the mean is the same to the bit whatever the order of arrival', async () => {
  const next = random('aggregate');
  const all = Array.from({ length: 9 }, (_, i) =>
    contribution(
      `board-${i}`,
      1 + Math.floor(next() * 100),
      Array.from({ length: 500 }, () => next() - 0.5),
    ),
  );
  const first = (await weightedMean(all)).get('w')!;
  for (let i = 0; i < 5; i++) {
    all.push(all.shift()!);
    assert.deepEqual((await weightedMean(all)).get('w'), first);
  }
});

test('one update is in memory at a time', async () => {
  let open = 0;
  const reading = (deviceId: string): Contribution => ({
    deviceId,
    weight: 1,
    read: async () => {
      assert.equal(++open, 1);
      await new Promise(setImmediate);
      open--;
      return new Map([['w', { data: Float32Array.of(1) }]]);
    },
  });
  assert.deepEqual([...(await weightedMean(['a', 'b', 'c'].map(reading))).get('w')!], [1]);
});

test('nothing to take a mean of, or updates that do not fit, are our own mistake', async () => {
  await assert.rejects(weightedMean([]), /nothing/);
  await assert.rejects(weightedMean([contribution('a', 0, [1])]), /nothing/);
  const a = contribution('a', 1, [1]);
  await assert.rejects(weightedMean([a, contribution('b', 1, [1, 2])]), /w of b/);
  await assert.rejects(weightedMean([a, contribution('b', 1, [1], 'v')]), /v of b/);
});
