import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { initAuthority } from '../../identity/authority.js';
import { writeToken } from '../../identity/claim-token.js';
import { makeClaim } from '../../identity/claims.js';
import { provision } from '../../identity/provision.js';
import { fingerprintOf } from '../../identity/x509.js';
import type { CertificateRole } from '../../schemas/roles.js';
import { makeTestAuthority, serve } from '../identity/authority-rig.js';
import { fleetune } from './command.js';

const dayMs = 86_400_000;

/** An authority that was made some days ago for 3.65 of them. */
async function authorityOf(t: TestContext, ageDays: number) {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-refusals-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const nowMs = Date.now() - ageDays * dayMs;
  const authority = await initAuthority(join(folder, 'ca'), { name: 'Test fleet', years: 0.01 }, nowMs);
  const out = join(folder, 'old');
  const reach = { tls: '', authority: '', broker: '', fleet: '' };
  await provision(authority, { name: 'old', role: 'device', hosts: [] }, out, reach, { days: 1, nowMs });
  return { folder, ca: join(folder, 'ca') };
}

test('an authority that has ended signs nothing and says so; it still revokes', async (t) => {
  const { folder, ca } = await authorityOf(t, 10);
  const out = join(folder, 'barn');
  const https = 'https://server.example:8884';
  for (const argv of [
    ['provision', 'barn', '--ca', ca, '--out', out],
    ['claim', 'barn', '--ca', ca, '--authority', https],
    ['ca', 'serve', '--ca', ca, '--port', '0', '--host', '127.0.0.1', '--hosts', 'localhost'],
  ]) {
    const { code, err } = await fleetune(argv);
    assert.match(err, /has ended on .*: make a new one in another folder and provision all anew/, argv[0]);
    assert.equal(code, 1);
  }
  assert.equal(existsSync(join(out, 'tls.crt')), false);
  assert.equal((await fleetune(['revoke', 'old', '--ca', ca])).code, 0);
});

test('hosts and brokers that nobody could reach are refused before they stand in a certificate or in settings', async (t) => {
  const { folder, ca } = await authorityOf(t, 0);
  const out = join(folder, 'made');
  const cases: [string[], RegExp][] = [
    [
      ['provision', 'b', '--role', 'broker', '--out', out, '--hosts', 'localhost:18898'],
      /--hosts: "localhost:18898"/,
    ],
    [['provision', 'barn', '--out', out, '--broker', 'server.example'], /--broker: "server.example"/],
    [['claim', 'b', '--role', 'broker', '--authority', 'https://a:1', '--hosts', 'a b'], /--hosts: "a b"/],
    [['ca', 'setup', '--out', out, '--hosts', 'https://server.example'], /--hosts: "https:/],
    [['ca', 'serve', '--hosts', 'localhost', '--broker', 'server.example'], /--broker: "server.example"/],
  ];
  for (const [argv, told] of cases) {
    const { code, err } = await fleetune([...argv, '--ca', ca]);
    assert.match(err, told);
    assert.equal(code, 1);
  }
  assert.equal(existsSync(out), false);
});

test('doctor tells nobody the password in a broker’s address, and refuses it as the services do', async () => {
  const { code, out, err } = await fleetune(['doctor', '--broker', 'mqtts://ana:s3cret@localhost:18883']);
  assert.match(err, /--broker: "mqtts:\/\/@localhost:18883" is not an address .* without user name/);
  assert.deepEqual([code, out, err.includes('s3cret')], [1, '', false]);
});

test('who is enrolled is told a command that there is', async (t) => {
  const { authority, folder } = await makeTestAuthority(t);
  const { url } = await serve(t, authority);
  for (const [role, command] of Object.entries({ operator: 'rounds start', viewer: 'watch' } as const)) {
    const claim = { name: role, role: role as CertificateRole, hosts: [], toMs: Date.now() + dayMs };
    const secret = await makeClaim(authority, claim);
    const token = writeToken({ url, name: role, fingerprint: fingerprintOf(authority.certificate), secret });
    const tls = join(folder, role);
    const { out, err } = await fleetune(['enroll', token, '--tls', tls]);
    assert.ok(out.endsWith(`\nfleetune ${command} --config ${tls}/${role}.yaml\n`), out + err);
  }
});
