import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Authority, authorityFiles, initAuthority } from '../../identity/authority.js';
import { readBundle } from '../../identity/bundle.js';
import { openAuthority } from '../../identity/open-authority.js';
import { countingOf, revoke } from '../../identity/revocation.js';
import { readCrl, serialOf } from '../../identity/x509.js';
import { makeTestAuthority } from './authority-rig.js';

const dayMs = 86_400_000;
const pathIn = ({ folder }: Authority, file: keyof typeof authorityFiles) =>
  join(folder, authorityFiles[file]);
const listed = async (authority: Authority) =>
  (await readCrl(readFileSync(pathIn(authority, 'crl'), 'utf8'), authority.certificate)).map(
    ({ serial }) => serial,
  );
const serialIn = (bundle: string) => serialOf(readBundle(bundle).own!.certificate);

/** As a release left it that kept in the list alone who is revoked, and the authority's certificate in its file. */
async function forgetRevoked({ folder }: Authority): Promise<void> {
  const path = join(folder, 'issued.jsonl');
  const lines = readFileSync(path, 'utf8').split('\n');
  await writeFile(path, lines.filter((line) => !/^\{"(revoked|authority)"/.test(line)).join('\n'));
}

test('who is revoked stays so though the clock was far ahead and is set back', async (t) => {
  const { authority, bundle } = await makeTestAuthority(t);
  const [thief, other] = [
    serialIn(await bundle('device', 'thief')),
    serialIn(await bundle('device', 'other')),
  ];
  await revoke(authority, 'thief', Date.now());
  // Its certificate is over by this clock: it is revoked all the same.
  assert.deepEqual(await revoke(authority, 'other', Date.now() + 91 * dayMs), [other]);
  assert.deepEqual(await listed(authority), [thief, other]);
  assert.deepEqual(countingOf(authority, 'thief', Date.now()), []);
});

test('a public folder that is lost is made again, with the same certificate and all who are revoked', async (t) => {
  const { authority, bundle } = await makeTestAuthority(t);
  const thief = serialIn(await bundle('device', 'thief'));
  await revoke(authority, 'thief', Date.now());
  await rm(pathIn(authority, 'public'), { recursive: true });
  const opened = await openAuthority(authority.folder);
  assert.equal(opened.certificate, authority.certificate);
  assert.equal(readFileSync(pathIn(authority, 'certificate'), 'utf8'), authority.certificate);
  assert.deepEqual(await listed(authority), [thief]);
  const modes = (['public', 'crl', 'certificate'] as const).map(
    (file) => statSync(pathIn(authority, file)).mode,
  );
  assert.deepEqual(
    modes.map((mode) => (mode & 0o777).toString(8)),
    ['755', '644', '644'],
  );
});

test('a list that is older than the register, or damaged, is written anew', async (t) => {
  const { authority, bundle } = await makeTestAuthority(t);
  const before = readFileSync(pathIn(authority, 'crl'));
  const thief = serialIn(await bundle('device', 'thief'));
  await revoke(authority, 'thief', Date.now());
  for (const text of [before, 'no list']) {
    await writeFile(pathIn(authority, 'crl'), text);
    await openAuthority(authority.folder);
    assert.deepEqual(await listed(authority), [thief]);
  }
});

test('whom a release before revoked in the list alone is taken into the register', async (t) => {
  const { authority, bundle } = await makeTestAuthority(t);
  const thief = serialIn(await bundle('device', 'thief'));
  await revoke(authority, 'thief', Date.now());
  await forgetRevoked(authority);
  assert.equal(countingOf(authority, 'thief', Date.now()).length, 1);
  await openAuthority(authority.folder);
  assert.deepEqual(countingOf(authority, 'thief', Date.now()), []);
  await rm(pathIn(authority, 'public'), { recursive: true });
  await openAuthority(authority.folder);
  assert.deepEqual(await listed(authority), [thief]);
});

test('what nothing can make again is named with its remedy, and no other authority takes its place', async (t) => {
  const { authority, bundle, folder } = await makeTestAuthority(t);
  const barn = await bundle('device', 'barn');
  await revoke(authority, 'barn', Date.now());
  const crl = readFileSync(pathIn(authority, 'crl'));
  await forgetRevoked(authority);
  await rm(pathIn(authority, 'public'), { recursive: true });
  const open = () => openAuthority(authority.folder);
  await assert.rejects(open, /ca\.crt is missing: put the ca\.crt of any bundle of this authority there/);
  const init = () => initAuthority(authority.folder, { name: 'Another', years: 1 }, Date.now());
  await assert.rejects(init, /holds an authority already/);
  await cp(join(barn, 'ca.crt'), pathIn(authority, 'certificate'));
  await assert.rejects(
    open,
    /crl\.pem is missing, and the register does not say .* put the list back from a copy/,
  );
  await writeFile(pathIn(authority, 'crl'), crl);
  await open();
  assert.deepEqual(await listed(authority), [serialIn(barn)]);
  await rm(pathIn(authority, 'key'));
  await assert.rejects(open, /ca\.key is missing: put it back from a copy/);
  await assert.rejects(openAuthority(join(folder, 'none')), /no authority in .*fleetune ca init/);
});
