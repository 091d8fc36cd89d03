import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Rouge, rouge } from '../../../device/engine/rouge.js';

const texts = '../shared/data/rouge';
const skip = existsSync(join(texts, 'golden.json'))
  ? false
  : `google-research's texts are not there: ${texts}`;
const kinds = ['rouge1', 'rouge2', 'rougeL'] as const;

function close(actual: number, expected: number, tolerance = 1e-9) {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);
}

test('single words, pairs and the longest subsequence score as worked out by hand', () => {
  // 5 of 6 words in common; pairs: "the cat", "on the", "the mat" of 5; subsequence: "the cat on the mat".
  const score = rouge('The cat sat on the mat.', 'the cat lay on the mat');
  close(score.rouge1, (100 * 5) / 6);
  close(score.rouge2, (100 * 3) / 5);
  close(score.rougeL, (100 * 5) / 6);
});

test('precision and recall both count, and order counts for the subsequence only', () => {
  // 2 of 2 words found, of 4: F = 2·1·½ / 1½. Reversed: no pair, a subsequence of one word: P ½, R ¼.
  const score = rouge('valve pump', 'pump valve was closed');
  close(score.rouge1, 200 / 3);
  close(score.rouge2, 0);
  close(score.rougeL, 100 / 3);
});

test('a repeated word counts no more often than the reference has it', () => {
  close(rouge('no no no no', 'no').rouge1, 40); // P ¼, R 1
  close(rouge('no no no no', 'no').rougeL, 40);
});

test('case, punctuation and letters beyond a-z separate words and count for nothing', () => {
  assert.deepEqual(rouge('PUMP-7:\nok!', 'pump 7 ok'), { rouge1: 100, rouge2: 100, rougeL: 100 });
  close(rouge('café', 'caf').rouge1, 100); // as google-research's tokenizer has it
});

test('a text with no word scores 0 and throws nothing', () => {
  for (const [a, b] of [
    ['', 'a'],
    ['a', ''],
    ['', ''],
    [' \n', 'a'],
    ['/', 'a'],
    ['…', '—'],
  ] as const) {
    assert.deepEqual(rouge(a, b), { rouge1: 0, rouge2: 0, rougeL: 0 });
  }
});

test('a single word against itself has no pair', () => {
  assert.deepEqual(rouge('ok', 'ok'), { rouge1: 100, rouge2: 0, rougeL: 100 });
});

test('only the first 2,000 words of a text count, however long each is, and none makes it throw', () => {
  const [longest, longer] = [2_000, 2_001].map((count) => `${'a'.repeat(64)} `.repeat(count)) as [
    string,
    string,
  ];
  assert.deepEqual(rouge(longer, longest), { rouge1: 100, rouge2: 100, rougeL: 100 });
  assert.equal(rouge('a'.repeat(2_000_000), 'b').rouge1, 0);
});

test("google-research's expected values are met, for its texts and its small cases", { skip }, async () => {
  const read = (name: string) => readFile(join(texts, name), 'utf8');
  const golden = JSON.parse(await read('golden.json'));
  const [predictions, targets] = [await read('prediction.txt'), await read('target.txt')].map((text) =>
    text.split('\n').filter((line) => line !== ''),
  ) as [string[], string[]];
  let compared = 0;
  const meet = (score: Rouge, kind: string, expected: number, tolerance: number) => {
    if (!(kind in score)) return; // rougeLsum is not ours
    close(score[kind as keyof Rouge], 100 * expected, tolerance);
    compared++;
  };
  for (const kind of kinds) {
    golden.small_no_stem[kind].forEach(({ f }: { f: number }, row: number) => {
      meet(rouge(predictions[row]!, targets[row]!), kind, f, 5e-4);
    });
  }
  for (const { type, p, t, F } of golden.micro) {
    for (const kind of type.split('|')) meet(rouge(p, t), kind, F, 1e-8);
  }
  assert.equal(compared, 2 * kinds.length + 7);
});
