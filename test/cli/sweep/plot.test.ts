import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sweepPlot, ticks } from '../../../cli/sweep/plot.js';
import { type Result, resultOf } from '../../../cli/sweep/results.js';

const head = { title: 'a <model> & more', subtitle: 's', ceilingGflops: 100, limitMb: 1000 };
const result = (baseBits: 32 | 8, batch: number): Result =>
  resultOf(
    { baseBits, source: 128, target: 48, batch },
    {
      kind: 'done',
      steps: [{ ms: 100, parts: { dataMs: 1, runMs: 98, optimizerMs: 1 } }],
      flops: 1e9 * batch,
      peakRssMb: 500,
      loadedMb: 400,
      spent: undefined,
    },
  );

test('ticks are round numbers from 0 to above the highest', () => {
  assert.deepEqual(ticks(6), [0, 2, 4, 6]);
  assert.deepEqual(ticks(101), [0, 25, 50, 75, 100, 125]);
  assert.deepEqual(ticks(0.17), [0, 0.05, 0.1, 0.15, 0.2]);
  assert.deepEqual(ticks(0), [0, 1]);
});

test('the plot is one SVG with titles, units, a legend and a line for each precision', () => {
  const svg = sweepPlot([result(32, 1), result(32, 2), result(8, 1)], head);
  assert.match(svg, /^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/);
  assert.match(svg, /a &lt;model&gt; &amp; more/);
  for (const words of [
    'tokens / s',
    'MFU, %',
    'peak memory, GiB',
    'batch, rows',
    '32-bit base',
    '8-bit base',
  ])
    assert.ok(svg.includes(`>${words}<`), words);
  assert.equal(svg.match(/<polyline/g)!.length, 6); // Two precisions in three panels.
  assert.doesNotMatch(svg, /NaN|undefined|joule/);
});

test('a cell that did not fit has its cross; a sweep without any measure is still a picture', () => {
  const skipped: Result = {
    baseBits: 32,
    source: 128,
    target: 48,
    batch: 4,
    state: 'skipped',
    reason: 'r',
  };
  assert.match(sweepPlot([result(32, 1), skipped], head), /×: did not fit/);
  assert.doesNotMatch(sweepPlot([skipped], { ...head, ceilingGflops: undefined }), /NaN|undefined/);
});
