import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  efficiencyText,
  isMeasured,
  mfuOf,
  type Result,
  resultOf,
  sweepCsv,
  sweepTable,
} from '../../../cli/sweep/results.js';

const cell = { baseBits: 32, source: 100, target: 28, batch: 2 } as const;
const step = (ms: number) => ({ ms, parts: { dataMs: 1, runMs: ms - 3, optimizerMs: 2 } });
const spent = { joules: 40, seconds: 2 };
const done = resultOf(cell, {
  kind: 'done',
  steps: [step(200), step(100), step(400)],
  flops: 2e9,
  peakRssMb: 512,
  loadedMb: 500,
  spent,
});
const skipped: Result = { ...cell, batch: 4, state: 'skipped', reason: 'would take 3, "or 4" GiB' };

test('rates are those of the median step, and the parts of a step are medians too', () => {
  assert.ok(isMeasured(done));
  assert.deepEqual(done.stepMs, { min: 100, low: 150, median: 200, high: 300, max: 400 });
  assert.equal(done.tokensPerSecond, (2 * 128) / 0.2);
  assert.equal(done.gflops, 10);
  assert.equal(mfuOf(done, 40), 0.25);
  assert.deepEqual([done.forwardBackwardMs, done.optimizerMs, done.dataMs], [197, 2, 1]);
});

test('tokens per joule are all tokens over all energy; without a sensor there are none', () => {
  assert.ok(isMeasured(done));
  assert.deepEqual([done.watts, done.tokensPerJoule], [20, (3 * 2 * 128) / 40]);
  const blind = resultOf(cell, {
    kind: 'done',
    steps: [step(100)],
    flops: 1,
    peakRssMb: 1,
    loadedMb: 1,
    spent: undefined,
  });
  assert.ok(isMeasured(blind));
  assert.deepEqual([blind.watts, blind.tokensPerJoule], [undefined, undefined]);
  assert.match(sweepTable([blind], 40), /no sensor/);
  assert.equal(efficiencyText([blind]), undefined);
});

test('the CSV has a title line, one line a cell, empty cells where nothing was measured, and quotes', () => {
  const lines = sweepCsv([done, skipped], 40).split('\r\n');
  assert.equal(lines.length, 4);
  const [titles, first, second] = lines;
  assert.match(titles!, /^base_bits,source_tokens,target_tokens,batch,state,reason,steps,tokens_per_second,/);
  assert.match(
    first!,
    /^32,100,28,2,measured,,3,1280,200,100,150,300,400,197,2,1,10,40,0.25,512,500,20,19.2$/,
  );
  assert.match(second!, /^32,100,28,4,skipped,"would take 3, ""or 4"" GiB",,/);
});

test('the table says why a cell is missing', () => {
  assert.match(sweepTable([done, skipped], 40), /skipped: would take 3/);
});

test('MFU and tokens per joule are correlated over the cells that have both', () => {
  const of = (gflops: number, tokensPerJoule: number): Result => ({
    ...(done as Extract<Result, { state: 'measured' }>),
    gflops,
    tokensPerJoule,
  });
  assert.match(efficiencyText([of(1, 10), of(2, 20), of(3, 30)])!, /r = 1\.00 over 3 cells/);
  assert.match(efficiencyText([of(1, 10)])!, /too few/);
});
