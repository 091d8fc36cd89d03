import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gamma, type Split, sizesOf, splitRows } from '../../device/split.js';
import { random } from '../../schemas/random.js';
import { Refusal } from '../../schemas/refusal.js';

const kinds: Split[] = [
  { kind: 'iid' },
  { kind: 'dirichlet', alpha: 0.1 },
  { kind: 'dirichlet', alpha: 1 },
  { kind: 'field', field: 'topic' },
];
const rowsOf = (count: number, topics = 10) =>
  Array.from({ length: count }, (_, id) => ({ id, other: { topic: `t${(id * id) % topics}` } }));

for (const split of kinds) {
  test(`${JSON.stringify(split)} gives every row to one device and every device a row`, () => {
    for (const [count, devices] of [
      [5, 5],
      [100, 3],
      [1000, 6],
    ] as const) {
      const rows = rowsOf(count);
      if (split.kind === 'field' && new Set(rows.map((row) => row.other.topic)).size < devices) continue;
      for (const seed of [1, 2, 3]) {
        const parts = splitRows(rows, devices, split, seed);
        assert.equal(parts.length, devices);
        assert.ok(parts.every((part) => part.length > 0));
        assert.deepEqual(
          parts
            .flat()
            .map((row) => row.id)
            .sort((a, b) => a - b),
          rows.map((row) => row.id),
        );
        assert.deepEqual(splitRows(rows, devices, split, seed), parts);
      }
    }
  });
}

test('another seed deals other rows', () => {
  const rows = rowsOf(50);
  assert.notDeepEqual(splitRows(rows, 3, { kind: 'iid' }, 1), splitRows(rows, 3, { kind: 'iid' }, 2));
});

test('iid parts differ in size by one at most', () => {
  assert.deepEqual(sizesOf([1, 1, 1], 11), [4, 4, 3]);
});

test('sizes follow their weights, and no device is left with none', () => {
  assert.deepEqual(sizesOf([3, 1, 0], 103), [76, 26, 1]);
  assert.deepEqual(sizesOf([0, 0], 4), [2, 2]);
});

test('a small alpha makes the sizes differ more than a large one', () => {
  const spread = (alpha: number) => {
    const sizes = [1, 2, 3, 4, 5].flatMap((seed) =>
      splitRows(rowsOf(1000), 10, { kind: 'dirichlet', alpha }, seed).map((part) => part.length),
    );
    return sizes.reduce((sum, size) => sum + (size - 100) ** 2, 0) / sizes.length;
  };
  assert.ok(spread(0.1) > 4 * spread(10), `${spread(0.1)} and ${spread(10)}`);
});

test('gamma has the mean and the variance of its shape', () => {
  for (const shape of [0.3, 1, 4.5]) {
    const next = random(`gamma ${shape}`);
    const draws = Array.from({ length: 20_000 }, () => gamma(shape, next));
    const mean = draws.reduce((a, b) => a + b) / draws.length;
    const variance = draws.reduce((a, b) => a + (b - mean) ** 2, 0) / draws.length;
    assert.ok(Math.abs(mean - shape) < 0.05 * shape + 0.02, `mean ${mean} of shape ${shape}`);
    assert.ok(Math.abs(variance - shape) < 0.15 * shape + 0.02, `variance ${variance} of shape ${shape}`);
  }
});

test("a field's values stay together, the largest dealt first", () => {
  const rows = ['a', 'b', 'a', 'c', 'a', 'b', 'd'].map((topic, id) => ({ id, other: { topic } }));
  const parts = splitRows(rows, 2, { kind: 'field', field: 'topic' }, 1);
  const topics = parts.map((part) => part.map((row) => row.other.topic).join(''));
  assert.deepEqual(topics, ['aaad', 'bbc']);
});

test('what can not be split is refused with what there is', () => {
  assert.throws(() => splitRows(rowsOf(2), 3, { kind: 'iid' }, 1), Refusal);
  assert.throws(
    () => splitRows(rowsOf(10, 2), 3, { kind: 'field', field: 'topic' }, 1),
    /has 2 values: too few for 3/,
  );
  assert.throws(() => splitRows(rowsOf(10), 3, { kind: 'field', field: 'subject' }, 1), /it has topic/);
});
