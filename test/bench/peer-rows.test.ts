import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  chosenVariants,
  comparisons,
  installedComparison,
  variants,
  verdicts,
} from '../../bench/peer-rows.js';
import { chosenRows, rows } from '../../bench/rows.js';

const ours = { ms: [900, 1000, 5000], startMs: 2000, peakRssMb: 1000 };
const theirs = { ms: [1500, 1600, 1400], startMs: 8000, peakRssMb: 2000 };

test('a comparison is ours over theirs, by medians of steps', () => {
  const compared = comparisons(rows.small!, 'eager', ours, theirs);
  assert.deepEqual(
    compared.map(({ metric, ratio }) => [metric, ratio]),
    [
      ['tokensPerSecond', 1.5],
      ['peakRssMb', 0.5],
      ['startToFirstStepMs', 0.25],
    ],
  );
  assert.equal(compared[0]!.ours, 8 * (256 + 48));
});

test('targets bind on eager and compiled, not on other precisions', () => {
  const told = variants.flatMap((variant) =>
    verdicts(comparisons(rows.base!, variant, ours, { ...theirs, peakRssMb: 1200 })),
  );
  assert.equal(told.length, 6);
  assert.equal(told[0], 'held     flan-t5-base (memory fast) eager tokensPerSecond: 1.50 (≥ 1.5)');
  assert.equal(told[1], 'NOT HELD flan-t5-base (memory fast) eager peakRssMb: 0.83 (≤ 0.6)');
});

test('installed sizes count runtime and packages, and no CUDA', () => {
  const [line] = verdicts([
    installedComparison(
      { runtime: 5e6, packages: { a: 5e6 }, cuda: 0 },
      { runtime: 1e7, packages: { b: 9e7 }, cuda: 9e9 },
    ),
  ]);
  assert.equal(line, 'held     any (memory any) any installedMb: 0.10 (≤ 0.1)');
});

test('rows are chosen by name, and an unknown name is answered with those there are', () => {
  assert.deepEqual(chosenRows('small, base'), ['small', 'base']);
  assert.equal(chosenRows('all').length, Object.keys(rows).length);
  assert.throws(() => chosenRows('tiny'), /--rows tiny: expected all, or of: small, base/);
});

test('a variant that theirs does not know is refused', () => {
  assert.deepEqual(chosenVariants('eager, bf16'), ['eager', 'bf16']);
  assert.throws(() => chosenVariants('compile'), /--variants compile: expected of: eager, compiled/);
});
