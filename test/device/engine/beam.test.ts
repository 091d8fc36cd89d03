import assert from 'node:assert/strict';
import { test } from 'node:test';
import { advance, type Candidate, newSearch, type Search } from '../../../device/engine/beam.js';
import { type Decoding, greedyDecoding } from '../../../device/engine/decoding.js';

const eos = 1;
const two: Decoding = { ...greedyDecoding, beams: 2, maxTokens: 4 };
/** Candidates by token, from probabilities. */
const likely = (probabilities: Record<number, number>): Candidate[] =>
  Object.entries(probabilities)
    .map(([token, p]) => ({ token: Number(token), logProb: Math.log(p) }))
    .sort((a, b) => b.logProb - a.logProb);
const steps = (decoding: Decoding, ...all: Record<number, number>[][]): Search =>
  all.reduce((search, rows) => advance(search, rows.map(likely), decoding, eos), newSearch(0));
const idsOf = (beams: Search['running']) => beams.map(({ ids }) => ids.slice(1));

test('greedy takes the likeliest token, up to the end token or the longest length', () => {
  const greedy = { ...two, beams: 1 };
  const once = steps(greedy, [{ 5: 0.6, 6: 0.4 }]);
  assert.deepEqual([idsOf(once.running), once.done], [[[5]], false]);
  const ended = steps(greedy, [{ 5: 1 }], [{ [eos]: 1 }]);
  assert.deepEqual([idsOf(ended.finished), ended.done], [[[5, eos]], true]);
  const cut = steps({ ...greedy, maxTokens: 1 }, [{ 5: 1 }]);
  assert.deepEqual([idsOf(cut.finished), cut.done], [[[5]], true]);
});

test('beams go on in the order of the whole sequence’s probability, and know their way', () => {
  const { running } = steps(
    two,
    [{ 5: 0.6, 6: 0.4 }],
    [
      { 7: 0.5, 8: 0.5 },
      { 9: 0.9, 7: 0.1 },
    ],
  );
  assert.deepEqual(idsOf(running), [
    [6, 9],
    [5, 7],
  ]);
  assert.deepEqual(
    running.map(({ path }) => path),
    [
      [0, 1],
      [0, 0],
    ],
  );
});

test('an end token that is not among the best beams finishes nothing', () => {
  const { running, finished } = steps(two, [{ 5: 0.5, 6: 0.3, [eos]: 0.2 }]);
  assert.deepEqual([idsOf(running), finished], [[[5], [6]], []]);
});

// Of 4 tokens at most, 5 1 and 6 1 have ended after 2, and 5 7 runs on. Scores are log p / 2.
const ended = [
  [{ 5: 0.6, 6: 0.4 }],
  [
    { [eos]: 0.5, 7: 0.45 },
    { [eos]: 0.9, 7: 0.1 },
  ],
];

test('early stopping ends a search as soon as all its beams have ended', () => {
  const { finished, done } = steps({ ...two, earlyStopping: true }, ...ended);
  assert.deepEqual(
    [idsOf(finished), done],
    [
      [
        [6, eos],
        [5, eos],
      ],
      true,
    ],
  );
});

test('without it a search ends when its best running beam is worse by now', () => {
  assert(steps(two, ...ended).done, 'log 0.27 / 2 < log 0.3 / 2');
  const better = steps(two, [{ [eos]: 0.5, 5: 0.5 }], [{ 6: 0.8, [eos]: 0.2 }]);
  assert.deepEqual([idsOf(better.finished), better.done], [[[eos], [5, eos]], false]); // 5 6 beats 5 eos
});

test('with never it ends when no running beam could become better, at the longest length either', () => {
  assert(!steps({ ...two, earlyStopping: 'never' }, ...ended).done, 'log 0.27 / 4 > log 0.3 / 2');
  assert(steps({ ...two, earlyStopping: 'never', lengthPenalty: 0 }, ...ended).done);
});

test('a length penalty above 0 prefers the longer of two finished beams', () => {
  const rows = [[{ [eos]: 0.5, 5: 0.5 }], [{ [eos]: 0.9, 6: 0.1 }]];
  const best = (lengthPenalty: number) =>
    idsOf(steps({ ...two, lengthPenalty, maxTokens: 9 }, ...rows).finished)[0];
  assert.deepEqual(best(0), [eos]);
  assert.deepEqual(best(1), [5, eos]);
});
