import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FailureLimit } from '../../identity/failure-limit.js';

test('thirty failures close the door to an address, and to no other; two seconds forget one', () => {
  const limit = new FailureLimit();
  for (let i = 0; i < 30; i++) {
    assert.ok(limit.allows('a', 0), `failure ${i}`);
    limit.failed('a', 0);
  }
  assert.equal(limit.allows('a', 1_900), false);
  assert.ok(limit.allows('b', 0));
  assert.ok(limit.allows('a', 2_000));
});

test('who goes on failing waits no longer than a minute', () => {
  const limit = new FailureLimit();
  for (let i = 0; i < 10_000; i++) limit.failed('a', 0);
  assert.equal(limit.allows('a', 1_000), false);
  assert.ok(limit.allows('a', 60_000));
});
