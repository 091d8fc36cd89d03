import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readMember } from '../../cli/identity/setup.js';
import { openAuthority } from '../../identity/open-authority.js';
import { heldIn, provision } from '../../identity/provision.js';
import { revoke } from '../../identity/revocation.js';
import { readCrl } from '../../identity/x509.js';
import { fleetune } from './command.js';

const folder = mkdtempSync(join(tmpdir(), 'fleetune-setup-'));
after(() => rmSync(folder, { recursive: true }));
const [ca, out] = [join(folder, 'ca'), join(folder, 'tls')];
const setUp = (...more: string[]) =>
  fleetune(['ca', 'setup', '--ca', ca, '--out', out, '--at', '/data/tls', '--hosts', 'broker', ...more]);
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
  const authority = await openAuthority(ca);
  const days = 10;
  const nowMs = Date.now() - (days + 1) * 86_400_000;
  const reach = { tls: '', authority: '', broker: '', fleet: '' };
  const hosts = { broker: ['broker'], viewer: [] };
  const members = [
    { role: 'broker', name: 'b' },
    { role: 'viewer', name: 'v' },
    { role: 'viewer', name: 'out' },
  ] as const;
  for (const { role, name } of members)
    await provision(authority, { role, name, hosts: hosts[role] }, join(out, name), reach, { days, nowMs });
  await revoke(authority, 'out', Date.now());
  const again = await setUp('--members', members.map(({ role, name }) => `${role}:${name}`).join());
  assert.equal(again.code, 0, again.err);
  assert.match(again.out, /bundle of broker b made anew, as its certificate had ended\n/);
  assert.match(again.out, /bundle of viewer out is left alone, as it is revoked/);
  const held = members.map((member) => heldIn(join(out, member.name), member, authority, Date.now()));
  assert.deepEqual(held, ['valid', 'valid', 'revoked']);
});

test('where the public folder is lost, who is revoked stays so', async () => {
  const authority = await openAuthority(ca);
  const list = async () => (await fleetune(['ca', 'list', '--ca', ca, '--json'])).out;
  const before = await list();
  assert.match(before, /"revoked"/);
  rmSync(join(ca, 'public'), { recursive: true });
  assert.equal((await setUp()).code, 0);
  const crl = readFileSync(join(ca, 'public/crl.pem'), 'utf8');
  assert.equal((await readCrl(crl, authority.certificate)).length, 1);
  assert.equal(await list(), before);
});
