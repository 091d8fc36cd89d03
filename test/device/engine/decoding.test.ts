import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bannedTokens,
  type Decoding,
  greedyDecoding,
  requireDecoding,
} from '../../../device/engine/decoding.js';

const greedy: Decoding = { ...greedyDecoding, maxTokens: 20 };
const [start, eos] = [0, 1];
const banned = (ids: number[], options: Partial<Decoding>) =>
  [...bannedTokens([start, ...ids], { ...greedy, ...options }, eos)].sort((a, b) => a - b);

test('the end token is banned until there are enough tokens', () => {
  assert.deepEqual(banned([5, 6], { minTokens: 3 }), [eos]);
  assert.deepEqual(banned([5, 6, 7], { minTokens: 3 }), []);
});

test('a token is banned where it would complete an n-gram for the second time', () => {
  assert.deepEqual(banned([5, 6, 5], { noRepeatNgram: 2 }), [6]);
  assert.deepEqual(banned([5, 6, 5, 7, 5], { noRepeatNgram: 2 }), [6, 7]);
  assert.deepEqual(banned([5, 6, 7, 8, 5, 6], { noRepeatNgram: 3 }), [7]);
  assert.deepEqual(banned([5, 6, 7, 8, 5, 6], { noRepeatNgram: 4 }), []);
  assert.deepEqual(banned([5, 5], { noRepeatNgram: 0 }), []);
});

test('the start token is part of the n-grams, as it is in transformers', () => {
  assert.deepEqual(banned([5, 6], { noRepeatNgram: 1 }), [start, 5, 6]);
  assert.deepEqual(banned([5, start], { noRepeatNgram: 2 }), [5]);
  assert.deepEqual(banned([], { noRepeatNgram: 3 }), []);
});

test('options that no search can be made of are refused, all at once', () => {
  const refused = (options: Partial<Decoding>, ...expected: RegExp[]) => {
    for (const message of expected)
      assert.throws(() => requireDecoding({ ...greedy, ...options }, 96), { name: 'Refusal', message });
  };
  requireDecoding(greedy, 96);
  requireDecoding({ ...greedy, beams: 4, lengthPenalty: -1, earlyStopping: 'never', minTokens: 20 }, 96);
  refused({ beams: 0 }, /beams is 0, expected a whole number from 1 to 24/);
  refused(
    { beams: 25, minTokens: 21 },
    /beams is 25/,
    /the shortest summary is 21, expected .* from 0 to 20/,
  );
  refused({ lengthPenalty: 2 }, /length penalty of 2 ranks beams, expected more than 1 beam/);
  refused({ earlyStopping: true }, /early stopping \(true\) is about beams/);
  refused({ beams: 2, lengthPenalty: Number.NaN }, /length penalty is NaN, expected a number/);
  refused(
    { noRepeatNgram: 1, maxTokens: 95 },
    /95 tokens that must not repeat are too many for a vocabulary of 96/,
  );
});
