import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FairQueue } from '../../coordinator/fair-queue.js';

/** A queue whose work ends when the test says so; what was done, in order. */
function opened(limits: { ownItems: number; allBytes: number }) {
  const queue = new FairQueue(limits);
  const done: string[] = [];
  let go: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  const put = (device: string, name: string, bytes = 1) =>
    queue.put(device, bytes, async () => {
      await gate;
      done.push(name);
    });
  return { put, done, go };
}

test('each device has its turn, however much another brought before', async () => {
  const { put, done, go } = opened({ ownItems: 100, allBytes: 100 });
  for (let i = 0; i < 5; i++) await put('flood', `flood ${i}`);
  await put('a', 'a 0');
  await put('a', 'a 1');
  await put('b', 'b 0');
  go();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(done.slice(0, 4), ['flood 0', 'flood 1', 'a 0', 'b 0']);
  assert.deepEqual(done.slice(4), ['flood 2', 'a 1', 'flood 3', 'flood 4']);
});

test('what a device brings beyond its limit is let go, and others are taken', async () => {
  const { put, done, go } = opened({ ownItems: 2, allBytes: 100 });
  const taken = [];
  for (let i = 0; i < 5; i++) taken.push(await put('flood', `flood ${i}`));
  assert.deepEqual(taken, [true, true, true, false, false], 'the first is at work and waits no more');
  assert.equal(await put('a', 'a 0'), true);
  go();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(done.length, 4);
});

test('where all together is too much, whoever brings more waits for room', async () => {
  const { put, done, go } = opened({ ownItems: 10, allBytes: 3 });
  await put('a', 'a 0', 2);
  let isTaken = false;
  const waiting = put('b', 'b 0', 2).then(() => {
    isTaken = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isTaken, false);
  go();
  await waiting;
  assert.equal(done[0], 'a 0');
});
