import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rates } from '../../runtime/rate.js';

test('a burst passes at once, then so many a second', () => {
  const rates = new Rates({ perS: 10, burst: 3 });
  assert.deepEqual(
    [0, 0, 0, 0, 50, 100, 100].map((ms) => rates.takeOne('a', ms)),
    [true, true, true, false, false, true, false],
  );
});

test('a debt is told as the time until it is paid, and more of it adds up', () => {
  const rates = new Rates({ perS: 10, burst: 2 });
  assert.equal(rates.take('a', 2, 0), 0);
  assert.equal(rates.take('a', 1, 0), 100);
  assert.equal(rates.take('a', 4, 0), 500);
  assert.equal(rates.take('a', 1, 500), 100);
  assert.equal(rates.take('a', 1, 10_000), 0);
});

test('a clock that is set back makes no debt', () => {
  const rates = new Rates({ perS: 10, burst: 2 });
  assert.equal(rates.take('a', 1, 3_600_000), 0);
  assert.equal(rates.take('a', 1, 0), 0);
  assert.equal(rates.take('a', 1, 100), 0);
});

test('each key has its own', () => {
  const rates = new Rates({ perS: 1, burst: 1 });
  assert.ok(rates.takeOne('a', 0) && rates.takeOne('b', 0) && !rates.takeOne('a', 0));
});

test('a flood of keys makes the oldest forgotten, not the memory full', () => {
  const rates = new Rates({ perS: 1, burst: 1 });
  for (let i = 0; i < 20_000; i++) rates.takeOne(`key-${i}`, 0);
  assert.ok(!rates.takeOne('key-19999', 0), 'the newest is remembered');
  assert.ok(rates.takeOne('key-0', 0), 'the oldest is not');
});
