import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tally } from '../../runtime/tally.js';

test('each key counts for itself, and what is ended twice counts once', () => {
  const tally = new Tally();
  const first = tally.add('a');
  tally.add('a');
  tally.add('b')();
  assert.deepEqual([tally.of('a'), tally.of('b'), tally.of('c')], [2, 0, 0]);
  first();
  first();
  assert.equal(tally.of('a'), 1);
});
