import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { test } from 'node:test';
import { hashPassword, PasswordCheck } from '../../identity/password-file.js';

test('of many passwords at once few are checked, and those beyond the limit are refused at once', async () => {
  const check = new PasswordCheck(3);
  const entry = { name: 'ana', role: 'operator' as const, hash: await hashPassword('right') };
  const asked = ['right', 'wrong', 'right', 'right'].map((password) => check.fits(password, entry));
  const answers = await Promise.allSettled(asked);
  assert.deepEqual(
    answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : String(answer.reason))),
    [true, false, true, 'Refusal: too many passwords to check at once'],
  );
  assert.equal(await check.fits('right', undefined), false, 'nobody has that name');
});

test('never more than two are checked side by side, whoever asks in the moment between two', async (t) => {
  const entry = { name: 'ana', role: 'operator' as const, hash: await hashPassword('right') };
  const check = new PasswordCheck();
  const running = new Set<number>();
  let most = 0;
  let ended = () => undefined as unknown;
  const hook = createHook({
    init(id, type) {
      if (type === 'SCRYPTREQUEST') most = Math.max(most, running.add(id).size);
    },
    before: (id) => void (running.delete(id) && ended()),
  }).enable();
  t.after(() => hook.disable());
  const asked = [0, 1, 2].map((i) => check.fits(`first ${i}`, entry));
  // One ask in each of the moments in which the end of one check lets the next begin.
  const later = new Promise<boolean[]>((resolve) => {
    ended = async () => {
      ended = () => undefined;
      const answers = [];
      for (let i = 0; i < 10; i++) {
        answers.push(check.fits(`later ${i}`, entry));
        await Promise.resolve();
      }
      resolve(Promise.all(answers));
    };
  });
  assert.deepEqual([...(await Promise.all(asked)), ...(await later)], Array(13).fill(false));
  assert.equal(most, 2);
});

test('two hashes of one password differ', async () => {
  assert.notEqual(await hashPassword('right'), await hashPassword('right'));
});
