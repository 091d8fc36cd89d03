import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { deviceSettings } from '../../device/settings.js';
import { type NetworkProfile, networkJoules, networkProfiles } from '../../schemas/network-energy.js';

const mega = 1e6;

test('a megabyte up and two down by each profile, by hand', () => {
  // 8 Mbit up, 16 Mbit down.
  const near = (joules: number | undefined, expected: number) =>
    assert.ok(Math.abs(joules! / expected - 1) < 1e-12, `${joules}, expected ${expected}`);
  near(networkJoules('ethernet', mega, 2 * mega), 24e6 * 31.7e-9); // 0.76 J
  near(networkJoules('wifi', mega, 2 * mega), 24e6 * 331.7e-9); // 7.96 J
  near(networkJoules('4g', mega, 2 * mega), 8e6 * 82_869.6e-9 + 16e6 * 12_449.6e-9); // 862 J
  near(networkJoules('5g', mega, 2 * mega), 8e6 * 8_331.6e-9 + 16e6 * 1_289.6e-9); // 87.3 J
});

test('without a profile, or with one that is not known here, there is no number', () => {
  for (const profile of [undefined, 'none', 'satellite', 'toString'])
    assert.equal(networkJoules(profile, mega, mega), undefined);
});

test('a device can be set to each profile, and docs/metrics.md has its numbers', () => {
  const names = Object.keys(networkProfiles) as NetworkProfile[];
  assert.deepEqual(deviceSettings.network.choices, ['none', ...names]);
  const document = fileURLToPath(new URL('../../../docs/metrics.md', import.meta.url));
  assert.ok(existsSync(document));
  const text = readFileSync(document, 'utf8');
  const told = (n: number) => n.toLocaleString('en', { maximumFractionDigits: 1 });
  for (const name of names) {
    const { up, down } = networkProfiles[name];
    assert.match(text, new RegExp(`\\| ${name} \\| ${told(up)} \\| ${told(down)} \\|`));
  }
});
