import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readMember } from '../../cli/identity/setup.js';
import { initAuthority } from '../../identity/authority.js';
import { openAuthority } from '../../identity/open-authority.js';
import { heldIn, provision } from '../../identity/provision.js';
import { revoke } from '../../identity/revocation.js';
import { readCrl } from '../../identity/x509.js';
import { fleetune } from './command.js';

const folder = mkdtempSync(join(tmpdir(), 'fleetune-setup-'));
after(() => rmSync(folder, { recursive: true }));
const [ca, old, out] = ['ca', 'old', 'tls'].map((name) => join(folder, name)) as [string, string, string];
const setUpIn = (ca: string, ...more: string[]) =>
  fleetune(['ca', 'setup', '--ca', ca, '--out', out, '--at', '/data/tls', '--hosts', 'broker', ...more]);
const setUp = (...more: string[]) => setUpIn(ca, ...more);
const dayMs = 86_400_000;
const reach = { tls: '', authority: '', broker: '', fleet: '' };
const certificate = (name: string) => readFileSync(join(out, name, 'tls.crt'), 'utf8');

test('a server’s authority and bundles are made once; done again only what is missing is made', async () => {
  const first = await setUp('--broker', 'mqtts://broker:8883', '--authority', 'https://authority:8884');
  assert.equal(first.code, 0, first.err);
  assert.deepEqual(readdirSync(out), ['broker', 'coordinator', 'operator']);
  const yaml = readFileSync(join(out, 'coordinator/coordinator.yaml'), 'utf8');
  assert.match(yaml, /^broker: "mqtts:\/\/broker:8883"$/m);
  assert.match(yaml, /^tls: "\/data\/tls"$/m);
  assert.match(readFileSync(join(out, 'broker/broker.yaml'), 'utf8'), /^crl: ".*crl\.pem"$/m);
  const operator = readFileSync(join(out, 'operator/operator.yaml'), 'utf8');
  assert.match(operator, /^authority: "https:\/\/authority:8884"$/m);
  const before = ['broker', 'coordinator', 'operator'].map(certificate);
  const again = await setUp(
    '--members',
    'broker:broker,coordinator:coordinator,operator:operator,device:barn',
  );
  assert.equal(again.code, 0, again.err);
  assert.match(again.out, /bundle of operator operator is there\n.*bundle of device barn made/);
  assert.deepEqual(['broker', 'coordinator', 'operator'].map(certificate), before);
});

test('a broker that nobody could reach is refused, and so is who is no member', async () => {
  const { code, err } = await fleetune(['ca', 'setup', '--ca', join(folder, 'none'), '--out', out]);
  assert.equal(code, 1);
  assert.match(err, /give --hosts/);
  assert.deepEqual(readMember('device:barn'), { role: 'device', name: 'barn' });
  for (const text of ['barn', 'device:', 'device:a b', 'chief:barn', 'device:barn:more', ''])
    assert.throws(() => readMember(text), /expected a role .* as device:barn/);
});

test('what was off until its certificate had ended is made anew; who is revoked is not', async () => {
  const days = 10;
  const nowMs = Date.now() - (days + 1) * dayMs;
  const authority = await initAuthority(old, { name: 'Test fleet', years: 1 }, nowMs);
  const hosts = { broker: ['broker'], viewer: [] };
  const members = [
    { role: 'broker', name: 'b' },
    { role: 'viewer', name: 'v' },
    { role: 'viewer', name: 'out' },
  ] as const;
  for (const { role, name } of members)
    await provision(authority, { role, name, hosts: hosts[role] }, join(out, name), reach, { days, nowMs });
  await revoke(authority, 'out', Date.now());
  const again = await setUpIn(old, '--members', members.map(({ role, name }) => `${role}:${name}`).join());
  assert.equal(again.code, 0, again.err);
  assert.match(again.out, /bundle of broker b made anew, as its certificate had ended\n/);
  assert.match(again.out, /bundle of viewer out is left alone, as it is revoked/);
  const held = members.map((member) => heldIn(join(out, member.name), member, authority, Date.now()));
  assert.deepEqual(held, ['valid', 'valid', 'revoked']);
});

test('where the clock is behind the authority, bundles are left alone, and none is made', async () => {
  const later = join(folder, 'later');
  const nowMs = Date.now() + 365 * dayMs; // So this machine's clock is a year behind.
  const authority = await initAuthority(later, { name: 'Test fleet', years: 1 }, nowMs);
  const pole = { role: 'device', name: 'pole', hosts: [] } as const;
  const member = (name: string) => setUpIn(later, '--members', `device:${name}`);
  const folderOf = (name: string) => join(out, name);
  await provision(authority, pole, folderOf('pole'), reach, { days: 90, nowMs });
  const before = readFileSync(join(folderOf('pole'), 'tls.crt'), 'utf8');
  const kept = await member('pole');
  assert.equal(kept.code, 0, kept.err);
  assert.match(kept.out, /bundle of device pole is there/);
  assert.equal(readFileSync(join(folderOf('pole'), 'tls.crt'), 'utf8'), before);
  const missing = await member('shed');
  assert.equal(missing.code, 1);
  assert.match(
    missing.err,
    /the clock of this machine, \S+Z, is behind: .* counts from \S+Z on\. Set the clock/,
  );
  assert.equal(existsSync(folderOf('shed')), false);
});

test('where the public folder is lost, who is revoked stays so', async () => {
  const authority = await openAuthority(old);
  const list = async () => (await fleetune(['ca', 'list', '--ca', old, '--json'])).out;
  const before = await list();
  assert.match(before, /"revoked"/);
  rmSync(join(old, 'public'), { recursive: true });
  assert.equal((await setUpIn(old)).code, 0);
  const crl = readFileSync(join(old, 'public/crl.pem'), 'utf8');
  assert.equal((await readCrl(crl, authority.certificate)).length, 1);
  assert.equal(await list(), before);
});
