import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkOf } from '../../broker/address.js';
import { Rates } from '../../broker/rate.js';

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

test('an address is one IPv4 address, or one /64 of IPv6, however it is written', () => {
  assert.equal(networkOf('192.0.2.7'), '192.0.2.7');
  assert.equal(networkOf('::ffff:192.0.2.7'), '192.0.2.7');
  for (const address of [
    '2001:db8:1:2::1',
    '2001:db8:1:2:a:b:c:d',
    '2001:0db8:0001:0002::',
    '2001:db8:1:2::1%eth0',
  ])
    assert.equal(networkOf(address), '2001:db8:1:2::/64');
  assert.notEqual(networkOf('2001:db8:1:3::1'), networkOf('2001:db8:1:2::1'));
  assert.equal(networkOf('::1'), '0:0:0:0::/64');
  assert.equal(networkOf('fe80::1%eth0'), 'fe80:0:0:0::/64');
});
