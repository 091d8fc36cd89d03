import assert from 'node:assert/strict';
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

test('two hashes of one password differ', async () => {
  assert.notEqual(await hashPassword('right'), await hashPassword('right'));
});
