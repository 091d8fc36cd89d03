import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextBatchSize, retryMs } from '../../device/batch.js';
import {
  afterBatch,
  afterLoss,
  afterReceipt,
  afterSilence,
  batchOf,
  firstPlan,
} from '../../device/upload-plan.js';
import type { Receipt } from '../../schemas/messages.js';

const receipt = (nextChunk: number): Receipt => ({
  key: { run: 'r1', round: 1, kind: 'train' },
  sha256: 'a'.repeat(64),
  state: 'receiving',
  nextChunk,
  reason: '',
});
const sending = { count: 40, next: 10, batchSize: 4, asking: false, silences: 0 };

test('an upload opens with one chunk, whose receipt says where to go on', () => {
  const plan = firstPlan(40);
  assert.deepEqual(batchOf(plan), { from: 0, to: 1 });
  const resumed = afterReceipt(plan, receipt(25));
  assert.deepEqual(batchOf(resumed), { from: 25, to: 26 });
});

test('an upload of one chunk is that chunk', () => {
  assert.deepEqual(batchOf(firstPlan(1)), { from: 0, to: 1 });
});

test('batches grow on a fast link, shrink on a slow one, and end with the upload', () => {
  assert.equal(afterBatch(sending, 100).batchSize, 8);
  assert.equal(afterBatch(sending, 3_000).batchSize, 4);
  assert.equal(afterBatch(sending, 6_000).batchSize, 2);
  assert.equal(nextBatchSize(16, 0), 16);
  assert.equal(nextBatchSize(1, 9_000), 1);
  assert.deepEqual(batchOf({ ...sending, next: 38 }), { from: 38, to: 40 });
});

test('a receipt that is not ahead is old news', () => {
  assert.equal(afterReceipt(sending, receipt(10)), sending);
  assert.equal(afterReceipt(sending, receipt(3)), sending);
  assert.equal(afterReceipt(sending, receipt(12)).next, 12);
});

test('after a silence or a lost connection one chunk asks, and the answer counts though it is behind', () => {
  for (const after of [afterSilence(sending), afterLoss(sending)]) {
    assert.deepEqual(batchOf(after), { from: 10, to: 11 });
    assert.deepEqual(batchOf(afterReceipt(after, receipt(0))), { from: 0, to: 1 });
  }
  assert.equal(afterSilence(sending).silences, 1);
  assert.equal(afterLoss(sending).silences, 0);
  assert.equal(afterReceipt(afterSilence(sending), receipt(11)).silences, 0);
});

test('a receipt beyond the end asks for nothing that there is not', () => {
  const after = afterReceipt(firstPlan(3), receipt(99));
  assert.deepEqual(batchOf(after), { from: 2, to: 3 });
});

test('waits between tries double within their limit', () => {
  assert.deepEqual(
    [0, 1, 2, 20].map((silences) => retryMs(silences, 1_000, 30_000, 1)),
    [1_000, 2_000, 4_000, 30_000],
  );
  assert.equal(retryMs(2, 1_000, 30_000, 0), 2_000);
});
