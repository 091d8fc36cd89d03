import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cellsOf, largestBatches, type Peak, predictedPeakMb, refusalOf } from '../../../cli/sweep/plan.js';

const sweep = { baseBits: [32, 8], sources: [128, 256], target: 64, batches: [1, 2, 4] } as const;
const cell = (batch: number, source = 128) => ({ baseBits: 32, source, target: 64, batch }) as const;
const peak = (batch: number, peakRssMb: number, source = 128): Peak => ({
  ...cell(batch, source),
  peakRssMb,
  loadedMb: 500,
});

test('a sweep goes by precision, then length, then batch, so that memory only grows within a shape', () => {
  const cells = cellsOf(sweep);
  assert.equal(cells.length, 12);
  assert.deepEqual(
    cells.slice(0, 4).map(({ source, batch }) => [source, batch]),
    [
      [128, 1],
      [128, 2],
      [128, 4],
      [256, 1],
    ],
  );
  assert.ok(cells.slice(6).every(({ baseBits }) => baseBits === 8));
});

test('the first cell of a precision is measured unseen', () => {
  assert.equal(predictedPeakMb(cell(1), []), undefined);
  assert.equal(predictedPeakMb({ ...cell(1), baseBits: 8 }, [peak(1, 500)]), undefined);
});

test('memory is predicted along the line through the last two batches', () => {
  assert.equal(predictedPeakMb(cell(8), [peak(1, 600), peak(2, 700), peak(4, 900)]), 1300);
});

test('one batch alone is held against what was loaded before it', () => {
  assert.equal(predictedPeakMb(cell(2), [peak(1, 600)]), 700);
});

test('a longer source grows a row by the square of the tokens, and not what is fixed', () => {
  // 500 fixed and 100 a row; (256 + 64) / (128 + 64) = 5/3.
  const predicted = predictedPeakMb(cell(1, 256), [peak(1, 600), peak(2, 700)])!;
  assert.ok(Math.abs(predicted - (500 + 100 * (5 / 3) ** 2)) < 1e-9);
});

test('a cell is left out when it would take more than there is, and says how much', () => {
  const known = [peak(1, 600), peak(2, 700)];
  assert.equal(refusalOf(cell(4), known, [], 900), undefined);
  assert.equal(refusalOf(cell(4), known, [], 899), 'would take about 0.88 GiB of 0.88 GiB');
});

test('after a batch that did not fit no larger one of its shape is tried', () => {
  assert.equal(refusalOf(cell(4), [], [cell(2)], 1e6), 'batch 2 did not fit');
  assert.equal(refusalOf(cell(1), [], [cell(2)], 1e6), undefined);
  assert.equal(refusalOf(cell(4, 256), [], [cell(2)], 1e6), undefined);
});

test('the largest batch is told as measured and as the growth predicts', () => {
  const known = [peak(1, 600), peak(2, 700), peak(4, 900), peak(1, 800, 256)];
  const [short, long, none] = largestBatches(sweep, known, [], 1500);
  assert.deepEqual(short, { baseBits: 32, source: 128, measured: 4, predicted: 10 });
  assert.deepEqual(long, { baseBits: 32, source: 256, measured: 1, predicted: undefined });
  assert.deepEqual(none, { baseBits: 8, source: 128, measured: 0, predicted: undefined });
});

test('a batch that was killed bounds the prediction', () => {
  const known = [peak(1, 600), peak(2, 700)];
  assert.equal(largestBatches(sweep, known, [cell(4)], 10_000)[0]!.predicted, 3);
});
