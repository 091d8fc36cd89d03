import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readBundle } from '../../identity/bundle.js';
import { heldIn, provision } from '../../identity/provision.js';
import { revoke } from '../../identity/revocation.js';
import { makeTestAuthority } from './authority-rig.js';

const hourMs = 3_600_000;
const barn = { name: 'barn', role: 'device', hosts: [] } as const;
const reach = { tls: '', authority: '', broker: '', fleet: '' };

/** A bundle of barn's, of a life of 24 h and 1 h of slack, of which hours are over. */
async function bundleOf(t: TestContext, hours: number) {
  const { authority, bundle } = await makeTestAuthority(t);
  const folder = await bundle('device', 'barn', { nowMs: Date.now() - hours * hourMs });
  const held = (subject: Parameters<typeof heldIn>[1] = barn) =>
    heldIn(folder, subject, authority, Date.now());
  const again = (subject: Parameters<typeof provision>[1] = barn) =>
    provision(authority, subject, folder, reach, { days: 1, nowMs: Date.now() });
  return { authority, folder, held, again };
}

test('what a folder holds of a member is told', async (t) => {
  assert.equal((await bundleOf(t, 17)).held(), 'valid', 'its service may be about to renew it');
  assert.equal((await bundleOf(t, 20)).held(), 'due');
  assert.equal((await bundleOf(t, 25)).held(), 'ended');
  assert.equal((await bundleOf(t, -2)).held(), 'not valid yet');
  const { authority, folder, held } = await bundleOf(t, 0);
  assert.equal(
    heldIn(folder, barn, authority, 0),
    'valid',
    'a clock that is behind the authority says nothing',
  );
  assert.equal(held({ name: 'shed', role: 'device' }), 'another');
  assert.equal(held({ name: 'barn', role: 'viewer' }), 'another');
  const other = (await makeTestAuthority(t)).authority;
  assert.equal(heldIn(folder, barn, other, Date.now()), 'another');
  assert.equal(heldIn(join(folder, 'none'), barn, authority, Date.now()), 'nothing');
  await revoke(authority, 'barn', Date.now());
  assert.equal(held(), 'revoked');
  await writeFile(join(folder, 'tls.crt'), 'no certificate');
  assert.equal(held(), 'another');
});

test('a bundle that has ended is made anew in its place, with a new key; its settings stay', async (t) => {
  const { folder, held, again } = await bundleOf(t, 25);
  const before = readBundle(folder).own!;
  const settings = join(folder, 'device.yaml');
  await writeFile(settings, 'id: "barn"\nmodel: "/models/own"\n');
  await again();
  assert.equal(held(), 'valid');
  assert.notEqual(readBundle(folder).own!.key, before.key);
  assert.match(readFileSync(settings, 'utf8'), /models/);
  await assert.rejects(again, /holds a certificate already that counts: give another folder with --out/);
});

test('a revoked member is let in again by a new bundle in its place; another’s is not replaced', async (t) => {
  const { authority, held, again } = await bundleOf(t, 25);
  await revoke(authority, 'barn', Date.now());
  await assert.rejects(
    again({ ...barn, role: 'viewer' }),
    /holds a certificate already, not that of viewer barn/,
  );
  await again();
  assert.equal(held(), 'valid');
});

test('a clock that is behind the authority makes no certificate, and replaces none', async (t) => {
  const { authority, folder } = await bundleOf(t, 0);
  const before = readBundle(folder).own;
  for (const out of [folder, join(folder, 'other')])
    await assert.rejects(
      provision(authority, barn, out, reach, { days: 90, nowMs: 0 }),
      /clock of this machine, 1970-01-01T00:00:00.000Z, is behind: the authority in .* counts from 20.*Z on/,
    );
  assert.deepEqual(readBundle(folder).own, before);
  assert.equal(existsSync(join(folder, 'other')), false);
});
