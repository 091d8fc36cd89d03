import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createSecureContext } from 'node:tls';
import { authorityFiles } from '../../identity/authority.js';
import { readBundle } from '../../identity/bundle.js';
import type { Revoked } from '../../identity/crl.js';
import { readRegister, register } from '../../identity/issued.js';
import { openAuthority } from '../../identity/open-authority.js';
import { revoke } from '../../identity/revocation.js';
import { makeCrl, readCrl, serialOf } from '../../identity/x509.js';
import type { Ends } from '../broker/rig.js';
import { makeTestAuthority } from './authority-rig.js';

const dayMs = 86_400_000;
const validity = { fromMs: Date.parse('2026-11-26T12:00:00Z'), toMs: Date.parse('2051-01-01T00:00:00Z') };

/** An authority, a serial number of each name, all of a day, and what the list is. */
async function membersOf(t: Ends, ...names: string[]) {
  const { authority, bundle } = await makeTestAuthority(t);
  const serials: string[] = [];
  for (const name of names) serials.push(serialOf(readBundle(await bundle('device', name)).own!.certificate));
  const list = () => readFileSync(join(authority.folder, authorityFiles.crl), 'utf8');
  const listed = async () => (await readCrl(list(), authority.certificate)).map(({ serial }) => serial);
  return { authority, serials, list, listed };
}

test('a list says what was put on it, and OpenSSL reads it', async (t) => {
  const { authority } = await makeTestAuthority(t);
  const atMs = Date.parse('2049-12-31T23:59:59Z');
  const long = 'f'.padEnd(32, '0');
  const one: Revoked = { serial: '1', atMs: 0 };
  const four = [one, { serial: '80', atMs }, { serial: 'abc', atMs: atMs + 1000 }, { serial: long, atMs }];
  const many = Array.from({ length: 4000 }, (_, n) => ({ serial: (2 ** 40 + n).toString(16), atMs }));
  for (const revoked of [[], [one], four, many]) {
    const list = makeCrl(revoked, authority, validity);
    assert.deepEqual(await readCrl(list, authority.certificate), revoked);
    createSecureContext({ crl: list });
  }
});

test('who is in the register twice is on the list once', async (t) => {
  const { authority, serials, listed } = await membersOf(t, 'thief', 'other');
  await revoke(authority, 'thief', Date.now());
  await register(authority.folder, { revoked: serials[0]!, atMs: Date.now() });
  await revoke(authority, 'other', Date.now());
  assert.deepEqual(await listed(), serials);
});

test('who was over a year ago leaves the list, and comes back with the clock; the register keeps all', async (t) => {
  const { authority, serials, list, listed } = await membersOf(t, 'thief', 'other', 'third');
  await revoke(authority, 'thief', Date.now());
  await revoke(authority, 'other', Date.now() + 365 * dayMs); // They end a day later.
  assert.deepEqual(await listed(), serials.slice(0, 2));
  const laterMs = Date.now() + 367 * dayMs;
  await revoke(authority, 'third', laterMs);
  assert.deepEqual(await listed(), []);
  const before = list();
  await openAuthority(authority.folder, laterMs);
  assert.equal(list(), before, 'what is whole is not written anew');
  await openAuthority(authority.folder);
  assert.deepEqual(await listed(), serials);
  assert.deepEqual(
    readRegister(authority.folder).revoked.map(({ serial }) => serial),
    serials,
  );
});
