import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Inbox } from '../../broker/inbox.js';

/** An inbox of at most 10 bytes, whose handler works until the test lets it go on. */
function slowInbox() {
  const handled: string[] = [];
  const failures: unknown[] = [];
  const waiting: ((error?: Error) => void)[] = [];
  const inbox = new Inbox(
    (topic) =>
      new Promise((resolve, reject) => {
        handled.push(topic);
        waiting.push((error) => (error ? reject(error) : resolve()));
      }),
    (error) => failures.push(error),
    10,
  );
  /** Puts a message of some bytes; answers whether the connection may go on. */
  const put = (topic: string, bytes = 4) => {
    const state = { taken: false };
    inbox.put({ topic, payload: Buffer.alloc(bytes), retained: false }, () => {
      state.taken = true;
    });
    return state;
  };
  const finish = async (error?: Error) => {
    waiting.shift()?.(error);
    await new Promise(setImmediate);
  };
  return { inbox, put, finish, handled, failures };
}

test('messages are handled one after the other, in order', async () => {
  const { put, finish, handled } = slowInbox();
  for (const topic of ['a', 'b', 'c']) put(topic, 1);
  assert.deepEqual(handled, ['a']);
  await finish();
  assert.deepEqual(handled, ['a', 'b']);
  await finish();
  assert.deepEqual(handled, ['a', 'b', 'c']);
});

test('the connection is held back while more than the limit waits', async () => {
  const { put, finish } = slowInbox();
  assert.ok(put('a').taken);
  assert.ok(put('b').taken);
  const third = put('c');
  assert.ok(!third.taken);
  await finish();
  assert.ok(third.taken);
});

test('nothing is held back while the broker’s answer is awaited, which comes behind it', async () => {
  const { inbox, put } = slowInbox();
  put('a');
  put('b');
  const third = put('c');
  assert.ok(!third.taken);
  let answer = () => {};
  const asked = inbox.whileAwaiting(
    new Promise<void>((resolve) => {
      answer = resolve;
    }),
  );
  assert.ok(third.taken);
  assert.ok(put('d').taken);
  answer();
  await asked;
  assert.ok(!put('e').taken);
});

test('a handler’s failure is told and the next message handled', async () => {
  const { put, finish, handled, failures } = slowInbox();
  put('a');
  put('b');
  await finish(new Error('odd'));
  assert.deepEqual(handled, ['a', 'b']);
  assert.match(String(failures[0]), /odd/);
});

test('a cleared inbox forgets what waits and lets the connection go on', async () => {
  const { inbox, put, finish, handled } = slowInbox();
  put('a');
  put('b');
  const third = put('c');
  inbox.clear();
  assert.ok(third.taken);
  await finish();
  assert.deepEqual(handled, ['a']);
  assert.ok(put('d', 10).taken);
});
