import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { cp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Authority } from '../../identity/authority.js';
import { readBundle } from '../../identity/bundle.js';
import { writeToken } from '../../identity/claim-token.js';
import { revoke } from '../../identity/revocation.js';
import { fleetune } from '../cli/command.js';
import { claimed, makeTestAuthority, serve } from './authority-rig.js';

/** A board's folder, where a claim's file is used up. */
async function boardOf(t: TestContext) {
  const { authority, folder } = await makeTestAuthority(t);
  const { url, server } = await serve(t, authority);
  const [tls, claim] = [join(folder, 'tls'), join(folder, 'claim')];
  const give = async (by: Authority, at: string, name = 'barn', days = 1) => {
    const token = writeToken(await claimed(by, at, name, days));
    await writeFile(claim, token);
    return token;
  };
  const enroll = (env?: NodeJS.ProcessEnv) =>
    fleetune(['enroll', '--claim', claim, '--tls', tls, '--connect-s', '1'], '', env);
  const used = await give(authority, url);
  const { code, err } = await enroll();
  assert.equal(code, 0, err);
  return { authority, url, server, folder, tls, claim, used, give, enroll, serial: () => serialIn(tls) };
}

const serialIn = (tls: string) => new X509Certificate(readFileSync(join(tls, 'tls.crt'))).serialNumber;

test('a revoked board is let in again by a new claim', async (t) => {
  const { authority, url, claim, tls, give, enroll, serial } = await boardOf(t);
  const before = serial();
  await revoke(authority, 'barn', Date.now());
  await give(authority, url);
  const { code, out, err } = await enroll();
  assert.equal(code, 0, err);
  assert.match(out, /barn is enrolled: certificate until/);
  assert.notEqual(serial(), before);
  assert.equal(existsSync(claim), false);
  assert.ok(readBundle(tls).own);
});

test('a claim that was used and not deleted yet, as after a power cut, needs no authority', async (t) => {
  const { authority, url, server, claim, tls, used, give, enroll, serial } = await boardOf(t);
  const before = serial();
  await give(authority, url);
  await server.stop();
  const { err } = await enroll();
  assert.match(err, /can't be asked.*no answer within 1 s\n.*tls keeps its certificate, which ends 2/);
  assert.ok(existsSync(claim), 'one that was not used is tried again');
  await writeFile(claim, used);
  await rename(join(tls, 'tls.key'), join(tls, 'tls.key.next'));
  assert.match((await enroll()).out, /barn is enrolled already/);
  assert.equal(serial(), before);
  assert.deepEqual([existsSync(claim), existsSync(join(tls, 'tls.key'))], [false, true]);
});

test('a bundle of a former version, which has no mark, knows its claim again once the authority is there', async (t) => {
  const { authority, url, server, claim, tls, used, enroll, serial } = await boardOf(t);
  const before = serial();
  await rm(join(tls, 'claim.used'));
  await writeFile(claim, used);
  await server.stop();
  assert.match((await enroll()).err, /tls keeps its certificate/);
  await serve(t, authority, { port: Number(new URL(url).port) });
  const { code, out, err } = await enroll();
  assert.equal(code, 0, err);
  assert.match(out, /barn is enrolled already/);
  assert.equal(serial(), before);
  assert.equal(existsSync(claim), false);
  assert.deepEqual((await readdir(tls)).sort(), [
    ...['ca.crt', 'claim.used', 'device.yaml', 'tls.crt', 'tls.key'],
  ]);
});

test('a new claim gets a bundle of a former version a new key', async (t) => {
  const { authority, url, tls, give, enroll, serial } = await boardOf(t);
  const before = { serial: serial(), key: readBundle(tls).own!.key };
  await rm(join(tls, 'claim.used'));
  await give(authority, url);
  const { code, out, err } = await enroll();
  assert.equal(code, 0, err);
  assert.match(out, /barn is enrolled: /);
  assert.notEqual(serial(), before.serial);
  assert.notEqual(readBundle(tls).own!.key, before.key);
});

test('what a claim can’t do leaves the certificate that is there, and the claim', async (t) => {
  const { authority, url, claim, tls, give, enroll, serial } = await boardOf(t);
  const before = serial();
  const refused = async (reason: RegExp) => {
    const { code, err } = await enroll();
    assert.equal(code, 1);
    assert.match(err, reason);
    assert.ok(existsSync(claim));
    assert.equal(serial(), before);
    assert.ok(readBundle(tls).own);
  };
  await give(authority, url, 'barn', -1);
  await refused(/the claim of barn ended at .*\n.*tls keeps its certificate, which ends 2/);
  await give(authority, url, 'shed');
  await refused(/tls holds the certificate of barn, and the claim is of shed: .* another folder with --tls/);
});

test('a viewer comes in by a claim too, and is told a command that there is', async (t) => {
  const { authority, url, folder } = await boardOf(t);
  const token = writeToken(await claimed(authority, url, 'vera', 1, 'viewer'));
  const { out } = await fleetune(['enroll', token, '--tls', join(folder, 'vera')]);
  assert.match(out, /^vera is enrolled: .*\nfleetune watch --config .*vera\/viewer\.yaml\n$/);
  assert.ok(existsSync(join(folder, 'vera', 'viewer.yaml')));
});

/** Ends its process, as a power cut would, before the change of a name that its turn comes to. */
const cutter = (turn: number) =>
  `data:text/javascript,${encodeURIComponent(`
  import promises from 'node:fs/promises';
  import { syncBuiltinESMExports } from 'node:module';
  let left = ${turn};
  for (const name of ['rename', 'rm']) {
    const whole = promises[name];
    promises[name] = (...given) => (left-- > 0 ? whole(...given) : process.kill(process.pid, 'SIGKILL'));
  }
  syncBuiltinESMExports();
`)}`;

test('a board goes over to a new authority; killed anywhere its bundle is the old or the new one, whole', async (t) => {
  const { tls, claim, folder, give, enroll, serial } = await boardOf(t);
  const next = await makeTestAuthority(t, 'Next authority');
  const { url } = await serve(t, next.authority);
  const first = join(folder, 'first');
  await cp(tls, first, { recursive: true });
  const before = serial();
  let turn = 0;
  for (let isCut = true; isCut; turn++) {
    await rm(tls, { recursive: true });
    await cp(first, tls, { recursive: true });
    await give(next.authority, url);
    const { code } = await enroll({ ...process.env, NODE_OPTIONS: `--import=${cutter(turn)}` });
    isCut = code !== 0;
    const { own, authority } = readBundle(tls);
    const isOld = serial() === before;
    assert.equal(authority === next.authority.certificate, !isOld, `cut ${turn}`);
    assert.ok(new X509Certificate(own!.certificate).verify(new X509Certificate(authority!).publicKey));
    const again = await enroll();
    assert.match(
      again.out || again.err,
      isCut ? /barn is enrolled/ : /claim is missing|barn is enrolled already/,
    );
    assert.notEqual(serial(), before);
    assert.equal(readBundle(tls).authority, next.authority.certificate);
    assert.equal(existsSync(claim), false);
    assert.match(readFileSync(join(tls, 'device.yaml'), 'utf8'), new RegExp(`authority: "${url}"`));
    const files = ['ca.crt', 'claim.used', 'device.yaml', 'tls.crt', 'tls.key'];
    assert.deepEqual((await readdir(tls)).filter((name) => !name.endsWith('.partial')).sort(), files);
  }
  assert.ok(turn > 7, `${turn} places to be killed at`);
});
