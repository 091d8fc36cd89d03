import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { exclusively } from '../../identity/exclusive.js';
import { takeLock } from '../../runtime/lock.js';

test('changes happen one after the other, also after one that failed, and wait for another process', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-exclusive-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const other = await takeLock(join(folder, 'lock'), () => 'held');
  const order: string[] = [];
  const change = (name: string) =>
    exclusively(folder, async () => {
      order.push(`${name} begins`);
      await Promise.resolve();
      if (name === 'second') throw new Error('a full disk');
      order.push(`${name} ends`);
    });
  const all = Promise.allSettled([change('first'), change('second'), change('third')]);
  order.push('the other lets go');
  await other.release();
  assert.deepEqual(
    (await all).map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(order, [
    ...['the other lets go', 'first begins', 'first ends', 'second begins', 'third begins', 'third ends'],
  ]);
});
