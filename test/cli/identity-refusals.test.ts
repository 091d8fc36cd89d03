import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { initAuthority } from '../../identity/authority.js';
import { provision } from '../../identity/provision.js';
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
