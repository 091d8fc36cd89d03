import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkOf } from '../../runtime/network.js';

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
