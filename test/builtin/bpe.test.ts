import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pieces, trainBpe } from '../../builtin/bpe.js';

const letters = [...'abcdefghijklmnopqrstuvwxyz', '▁'];

test('words, digits and punctuation are pieces of their own', () => {
  assert.deepEqual(pieces('In room 42,\n  don’t!'), ['▁In', '▁room', '▁', '4', '2', ',', '▁don’t', '!']);
});

test('the most frequent pair is merged first, and equal ones in the order of their letters', () => {
  const { merges } = trainBpe(['ab ab ab cd cd'], letters, 31);
  assert.deepEqual(merges, [
    ['a', 'b'],
    ['▁', 'ab'],
    ['c', 'd'],
    ['▁', 'cd'],
  ]);
});

test('a repeated letter is merged from the left, as the encoder does', () => {
  const { merges } = trainBpe(['aaa aaa'], letters, 30);
  assert.deepEqual(merges, [
    ['a', 'a'],
    ['aa', 'a'],
    ['▁', 'aaa'],
  ]);
});

test('a pair seen once, and a word with a letter beyond the alphabet, teach nothing', () => {
  assert.deepEqual(trainBpe(['ab éa éa'], letters, 100).merges, []);
});
