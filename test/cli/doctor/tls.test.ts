import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { broker as brokerCheck } from '../../../cli/doctor/broker.js';
import type { Check } from '../../../cli/doctor/check.js';
import { readSubject } from '../../../cli/doctor/settings.js';
import { tls } from '../../../cli/doctor/tls.js';
import { authorityFiles } from '../../../identity/authority.js';
import { revoke } from '../../../identity/revocation.js';
import { startRig } from '../../broker/rig.js';
import { startSecure } from '../../broker/tls-rig.js';
import { serve } from '../../identity/authority-rig.js';

const dayMs = 86_400_000;

async function told(check: Check, ...argv: string[]): Promise<string> {
  const subject = readSubject(argv, { name: 'doctor', summary: '' });
  const findings = await check
    .look(subject)
    .catch((error: Error) => [{ state: 'refusal', what: error.message, remedy: '' }]);
  return findings.map(({ state, what, remedy = '' }) => `${state} | ${what} | ${remedy}`).join('\n');
}

test('a device’s bundle and its broker’s certificate are as they should be', async (t) => {
  const { url, bundle, authority } = await startSecure(t);
  const { url: renewal } = await serve(t, authority);
  const flags = [
    'device',
    '--id',
    'barn',
    '--broker',
    url,
    '--tls',
    await bundle('device', 'barn', { days: 30 }),
    '--authority',
    renewal,
  ];
  const text = await told(tls, ...flags);
  for (const pattern of [
    /ok \| .* is of device barn/,
    /ok \| its certificate is valid for 29 more days/,
    /ok \| signed by its authority/,
    /ok \| not revoked/,
    /ok \| it can be renewed/,
    /ok \| the broker’s certificate is for IP Address:127\.0\.0\.1/,
  ])
    assert.match(text, pattern);
  assert.doesNotMatch(text, /problem|note/);
  const unnamed = ['--broker', url, '--tls', await bundle('coordinator', 'main')];
  assert.equal(
    readSubject(unnamed, { name: 'doctor', summary: '' }).service,
    'coordinator',
    'its certificate says so',
  );
  assert.match(await told(brokerCheck, ...flags), /ok \| mqtts:.*: it takes the certificate/);
  const coordinator = ['coordinator', '--broker', url, '--tls', await bundle('coordinator', 'main')];
  assert.match(
    await told(brokerCheck, ...coordinator),
    /ok \| .*fleetune broker \(Aedes\).*speaks MQTT 3\.1, 3\.1\.1/,
  );
});

test('each thing that is wrong with a bundle is told', async (t) => {
  const { url, bundle, authority } = await startSecure(t);
  const { url: renewal } = await serve(t, authority);
  const device = ['device', '--id', 'barn', '--broker', url];
  const barn = await bundle('device', 'barn');
  assert.match(
    await told(tls, ...device, '--tls', await bundle('device', 'other')),
    /problem \| .* is of device other, but the device is barn \| give --id other/,
  );
  assert.match(
    await told(tls, ...device, '--tls', await bundle('operator', 'barn')),
    /problem \| .* is of operator barn, expected a device/,
  );
  const past = { days: 1, nowMs: Date.now() - 3 * dayMs };
  assert.match(
    await told(tls, ...device, '--tls', await bundle('device', 'barn', past)),
    /problem \| its certificate ended .* \| if this machine’s clock is right, provision or enrol it again/,
  );
  assert.match(
    await told(
      tls,
      ...device,
      '--tls',
      await bundle('device', 'barn', { days: 1, nowMs: Date.now() + 2 * dayMs }),
    ),
    /problem \| its certificate is not valid before/,
  );
  assert.match(
    await told(
      tls,
      'device',
      '--id',
      'barn',
      '--broker',
      url.replace('127.0.0.1', 'localhost'),
      '--tls',
      barn,
    ),
    /problem \| the broker’s certificate is for IP Address:127\.0\.0\.1, not for localhost/,
  );
  await revoke(authority, 'barn', Date.now());
  assert.match(
    await told(tls, ...device, '--tls', barn, '--authority', renewal),
    /problem \| its certificate is revoked/,
  );
  chmodSync(join(barn, 'tls.key'), 0o644);
  assert.match(
    await told(tls, ...device, '--tls', barn),
    /can be read or changed by others \(mode 644\): chmod 600/,
  );
});

test('a broker of another authority, and a port without TLS, are told', async (t) => {
  const { url, bundle } = await startSecure(t);
  const other = await startSecure(t);
  const stranger = await other.bundle('device', 'barn');
  const flags = ['device', '--id', 'barn', '--broker', url, '--tls', stranger];
  assert.match(await told(tls, ...flags), /problem \| the broker’s certificate is not of our authority/);
  assert.match(await told(brokerCheck, ...flags), /problem|note/);
  const plain = (await startRig(t)).url.replace('mqtt:', 'mqtts:');
  assert.match(
    await told(tls, 'device', '--id', 'barn', '--broker', plain, '--tls', await bundle('device', 'barn')),
    /problem \| the broker at that port speaks no TLS/,
  );
});

test('of a broker whose certificate has ended a remedy is told that works: it is not renewed', async (t) => {
  const { bundle, secure } = await startSecure(t);
  const past = { days: 1, nowMs: Date.now() - 3 * dayMs };
  const { broker } = await startRig(t, { ...secure, tls: await bundle('broker', 'old', past) });
  const device = ['device', '--id', 'barn', '--tls', await bundle('device', 'barn')];
  const text = await told(tls, ...device, '--broker', `mqtts://127.0.0.1:${broker.port}`);
  assert.match(text, /problem \| the broker’s certificate ended .* \| .*provision or enrol it again/);
  assert.doesNotMatch(text, /fleetune renew/);
});

test('a broker’s own certificate and list of revoked ones are looked at', async (t) => {
  const { bundle, authority } = await startSecure(t);
  const crl = join(authority.folder, authorityFiles.crl);
  const server = await bundle('broker', 'server');
  const text = await told(tls, 'broker', '--host', '0.0.0.0', '--tls', server, '--crl', crl);
  assert.match(text, /ok \| .* is of broker server, for IP Address:127\.0\.0\.1/);
  assert.match(text, /ok \| not revoked; certificates in the list: 0/);
  assert.match(await told(tls, 'broker', '--tls', server), /note \| no list of revoked certificates/);
  assert.match(
    await told(tls, 'broker', '--tls', server, '--crl', '/no/list'),
    /problem \| \/no\/list \(--crl\) is missing/,
  );
});
