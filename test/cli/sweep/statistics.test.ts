import assert from 'node:assert/strict';
import { test } from 'node:test';
import { correlation, spreadOf } from '../../../cli/sweep/statistics.js';

test('a spread is its ends, its median and the quarters between', () => {
  assert.deepEqual(spreadOf([4, 1, 3, 2]), { min: 1, low: 1.75, median: 2.5, high: 3.25, max: 4 });
  assert.deepEqual(spreadOf([7]), { min: 7, low: 7, median: 7, high: 7, max: 7 });
});

test('correlation is 1 on a line, −1 on a falling one, and undefined where nothing varies', () => {
  assert.equal(
    correlation([
      [1, 2],
      [2, 4],
      [3, 6],
    ]),
    1,
  );
  assert.equal(
    correlation([
      [1, 6],
      [2, 4],
      [3, 2],
    ]),
    -1,
  );
  assert.equal(
    correlation([
      [1, 5],
      [2, 5],
      [3, 5],
    ]),
    undefined,
  );
  assert.equal(
    correlation([
      [1, 5],
      [2, 6],
    ]),
    undefined,
  );
});
