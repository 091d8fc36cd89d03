import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { chmod, cp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { fetchText, post } from '../../identity/authority-client.js';
import { readBundle } from '../../identity/bundle.js';
import { readToken, writeToken } from '../../identity/claim-token.js';
import { dropClaims } from '../../identity/claims.js';
import { markOf } from '../../identity/crl-mirror.js';
import { enroll, renew } from '../../identity/enrolment.js';
import { readRegister, register } from '../../identity/issued.js';
import { openAuthority } from '../../identity/open-authority.js';
import { revoke } from '../../identity/revocation.js';
import { claimed, makeTestAuthority, serve } from './authority-rig.js';

const textOf = (folder: string, file: string) => readFileSync(join(folder, file), 'utf8');
const certificateIn = (folder: string) => new X509Certificate(textOf(folder, 'tls.crt'));

test('a claim becomes a bundle whose key was made on the board and that says where the fleet is', async (t) => {
  const { authority, folder } = await makeTestAuthority(t);
  const { url } = await serve(t, authority);
  const board = join(folder, 'board');
  await enroll(readToken(`${writeToken(await claimed(authority, url, 'barn'))}\n`), board);
  assert.equal(certificateIn(board).subject, 'OU=device\nCN=barn');
  assert.ok(readBundle(board).own);
  assert.equal(textOf(board, 'ca.crt'), authority.certificate);
  assert.equal(
    textOf(board, 'device.yaml'),
    `id: "barn"\nbroker: "mqtts://127.0.0.1:8883"\nfleet: "test"\ntls: "${board}"\nauthority: "${url}"\n`,
  );
  assert.equal(statSync(join(board, 'tls.key')).mode & 0o777, 0o600);
  assert.deepEqual((await readdir(board)).sort(), [
    ...['ca.crt', 'claim.used', 'device.yaml', 'tls.crt', 'tls.key'],
  ]);
});

test('a claim counts once: another key is refused, and the log says why', async (t) => {
  const { authority, folder } = await makeTestAuthority(t);
  const { url, logged } = await serve(t, authority);
  const token = await claimed(authority, url, 'barn');
  await enroll(token, join(folder, 'board'));
  await assert.rejects(enroll(token, join(folder, 'thief')), /the claim was used already, by another key/);
  assert.equal(logged.all.at(-1)!.reason, 'the claim was used already, by another key');
});

test('a board whose answer was lost asks again with the same key, and gets the same certificate', async (t) => {
  const { authority, folder } = await makeTestAuthority(t);
  const first = await serve(t, authority);
  const token = await claimed(authority, first.url, 'barn');
  const board = join(folder, 'board');
  await enroll(token, board);
  const before = textOf(board, 'tls.crt');
  // As after kill -9 before the answer was on the board's disk, and of the authority too.
  await rename(join(board, 'tls.key'), join(board, 'tls.key.next'));
  await rm(join(board, 'tls.crt'));
  const { port } = first.server;
  await first.server.stop();
  await serve(t, await openAuthority(authority.folder), { port });
  await enroll(token, board);
  assert.equal(textOf(board, 'tls.crt'), before);
});

test('a claim ends, is replaced by a newer one, and is dropped when the name is revoked', async (t) => {
  const { authority, folder } = await makeTestAuthority(t);
  const { url } = await serve(t, authority);
  const over = await claimed(authority, url, 'late', -1);
  await assert.rejects(enroll(over, join(folder, 'late')), /the claim of late ended at/);
  const replaced = await claimed(authority, url, 'barn');
  const open = await claimed(authority, url, 'barn');
  await assert.rejects(enroll(replaced, join(folder, 'barn')), /no such claim/);
  await revoke(authority, 'barn', Date.now());
  await assert.rejects(enroll(open, join(folder, 'barn')), /no such claim/);
});

test('no claim is told to a broker that poses as the authority, though its certificate fits the address', async (t) => {
  const { authority, folder, bundle } = await makeTestAuthority(t);
  const { own } = readBundle(await bundle('broker', 'server'));
  const asked: string[] = [];
  const thief = createServer({ cert: own!.certificate, key: own!.key }, (request, response) => {
    asked.push(request.url!);
    response.end(authority.certificate);
  });
  await once(thief.listen(0, '127.0.0.1'), 'listening');
  t.after(() => thief.close());
  const url = `https://127.0.0.1:${(thief.address() as AddressInfo).port}`;
  const token = await claimed(authority, url, 'barn');
  await assert.rejects(enroll(token, join(folder, 'board')), (error: Error) => {
    assert.match(String((error.cause as Error).message), /is that of broker server, not the authority’s/);
    return true;
  });
  assert.deepEqual(asked, ['/v1/authority']);
});

test('of a claim only a hash is kept', async (t) => {
  const { authority } = await makeTestAuthority(t);
  const { secret } = await claimed(authority, 'https://127.0.0.1:1', 'barn');
  const files = await readdir(authority.folder, { recursive: true, withFileTypes: true });
  for (const file of files.filter((f) => f.isFile())) {
    const path = join(file.parentPath ?? file.path, file.name);
    assert.ok(!path.includes(secret) && !readFileSync(path, 'utf8').includes(secret), path);
  }
});

test('nothing is sent to an authority of another fingerprint', async (t) => {
  const { authority, folder } = await makeTestAuthority(t);
  const other = await makeTestAuthority(t, 'Somebody in between');
  const { url, logged } = await serve(t, other.authority);
  const token = await claimed(authority, url, 'barn');
  await assert.rejects(enroll(token, join(folder, 'board')), /is not the authority that made the claim/);
  assert.deepEqual(logged.all, []);
});

test('an authority whose certificate names another host is not believed', async (t) => {
  const { authority, folder } = await makeTestAuthority(t);
  const { url } = await serve(t, authority);
  const token = await claimed(authority, url.replace('127.0.0.1', 'localhost'), 'barn');
  const error = await enroll(token, join(folder, 'board')).catch((e: Error) => e);
  assert.match(String((error as Error).cause), /altnames/);
});

test('a certificate is exchanged for a later one with a new key; the name stays', async (t) => {
  const { authority, folder } = await makeTestAuthority(t);
  const { url } = await serve(t, authority);
  const board = join(folder, 'board');
  await enroll(await claimed(authority, url, 'barn'), board);
  const before = certificateIn(board);
  await renew(url, board);
  const after = certificateIn(board);
  assert.equal(after.subject, before.subject);
  assert.notEqual(after.serialNumber, before.serialNumber);
  assert.ok(!before.publicKey.equals(after.publicKey));
  assert.ok(readBundle(board).own);
});

test('a renewal that a crash cut between certificate and key leaves a whole bundle, and is done again', async (t) => {
  const { authority, folder } = await makeTestAuthority(t);
  const { url } = await serve(t, authority);
  const board = join(folder, 'board');
  await enroll(await claimed(authority, url, 'barn'), board);
  await cp(join(board, 'tls.key'), join(folder, 'old.key'));
  await renew(url, board);
  await rename(join(board, 'tls.key'), join(board, 'tls.key.next'));
  await cp(join(folder, 'old.key'), join(board, 'tls.key'));
  const { own } = readBundle(board);
  assert.equal(own!.key, textOf(board, 'tls.key.next'));
  await renew(url, board);
  assert.ok(readBundle(board).own);
  assert.ok(!existsSync(join(board, 'tls.key.next')));
});

test('a revoked certificate renews no more, and neither does an expired or a foreign one', async (t) => {
  const { authority, folder, bundle } = await makeTestAuthority(t);
  const other = await makeTestAuthority(t, 'Another authority');
  const { url, logged } = await serve(t, authority);
  const board = join(folder, 'board');
  await enroll(await claimed(authority, url, 'barn'), board);
  await revoke(authority, 'barn', Date.now());
  await assert.rejects(renew(url, board), /refuses: a revoked certificate/);
  const expired = await bundle('device', 'old', { nowMs: Date.now() - 2 * 86_400_000 });
  await assert.rejects(renew(url, expired), /expired/);
  const foreign = await other.bundle('device', 'barn');
  await writeFile(join(foreign, 'ca.crt'), authority.certificate);
  await assert.rejects(renew(url, foreign), /of another authority/);
  assert.match(String(logged.all.at(-1)!.reason), /certificate of "barn": of another authority/);
});

test('a key that others may read is refused, with what to do', async (t) => {
  const { bundle, authority } = await makeTestAuthority(t);
  const folder = await bundle('device', 'barn');
  await chmod(join(folder, 'tls.key'), 0o644);
  assert.throws(() => readBundle(folder), /mode 644\): chmod 600 /);
  await chmod(join(authority.folder, 'ca.key'), 0o604);
  await assert.rejects(openAuthority(authority.folder), /ca\.key can be read or changed by others/);
});

test('the list of revoked certificates comes whole where it is new, and not at all where it is known', async (t) => {
  const { authority, bundle } = await makeTestAuthority(t);
  const { url } = await serve(t, authority);
  const ask = (mark?: string) => fetchText(`${url}/v1/revoked`, authority.certificate, mark);
  const before = (await ask())!;
  assert.match(before, /^-----BEGIN X509 CRL-----\n/);
  assert.equal(await ask(markOf(before)), undefined);
  await bundle('device', 'barn');
  await revoke(authority, 'barn', Date.now());
  assert.notEqual((await ask(markOf(before)))!, before);
});

test('what is no key, no request or no JSON is refused in words', async (t) => {
  const { authority, bundle } = await makeTestAuthority(t);
  const { url } = await serve(t, authority);
  const folder = await bundle('device', 'barn');
  await writeFile(join(folder, 'tls.key'), 'no key');
  assert.throws(() => readBundle(folder), /not a readable private key/);
  const { secret } = await claimed(authority, url, 'barn');
  const ca = authority.certificate;
  const enrolled = (body: Record<string, string>) => post(url, '/v1/enroll', body, { ca });
  await assert.rejects(enrolled({ secret }), /without secret and request as text/);
  await assert.rejects(enrolled({ secret, request: 'no request' }), /not a readable certificate request/);
  await assert.rejects(
    enrolled({ secret, request: 'x'.repeat(20_000) }),
    /more than 16384 bytes|cut|can't be asked/,
  );
});

test('an address that fails again and again is not answered for a while', async (t) => {
  const { authority, folder } = await makeTestAuthority(t);
  const { url } = await serve(t, authority);
  const token = await claimed(authority, url, 'barn', -1);
  const reasons: string[] = [];
  for (let i = 0; i < 33; i++)
    await enroll(token, join(folder, 'b')).catch((e: Error) => reasons.push(e.message));
  assert.match(reasons[0]!, /ended at/);
  assert.match(reasons.at(-1)!, /too many failed requests/);
});

test('asking for what is not there has the same limit, and fills no log', async (t) => {
  const { authority } = await makeTestAuthority(t);
  const { url, logged } = await serve(t, authority);
  const ask = (path: string) => fetchText(`${url}${path}`, authority.certificate);
  const reasons: string[] = [];
  for (let i = 0; i < 40; i++)
    await ask(`/${'x'.repeat(4000)}`).catch((error: Error) => reasons.push(error.message));
  assert.match(reasons[0]!, /no such address/);
  assert.match(reasons.at(-1)!, /answers 429: too many failed requests/);
  assert.ok(logged.all.length < 40, `${logged.all.length} lines`);
  assert.ok(logged.all.every((line) => JSON.stringify(line).length < 600));
  assert.match((await ask('/v1/authority'))!, /BEGIN CERTIFICATE/, 'what is public is still read');
});

test('a board can’t fill the register by renewing without end', async (t) => {
  const { authority, bundle } = await makeTestAuthority(t);
  const { url } = await serve(t, authority);
  const board = await bundle('device', 'barn');
  const entry = readRegister(authority.folder).issued.find(({ name }) => name === 'barn')!;
  for (let i = 0; i < 98; i++) await register(authority.folder, { ...entry, serial: `f${i}` });
  await renew(url, board);
  await assert.rejects(renew(url, board), /barn has 100 certificates that are valid: revoke it/);
  const path = join(authority.folder, 'issued.jsonl');
  await writeFile(path, `${readFileSync(path, 'utf8')}{"serial":"torn`); // As a crash leaves it.
  await register(authority.folder, { ...entry, name: 'shed', serial: 'e1' });
  assert.deepEqual(readRegister(authority.folder).issued.slice(-1)[0]!.name, 'shed');
});

test('claims are cleared away a year after they, or their certificates, are over', async (t) => {
  const { authority, folder } = await makeTestAuthority(t);
  const { url } = await serve(t, authority, { days: 1 / 86_400 });
  const count = async () => (await readdir(join(authority.folder, 'claims'))).length;
  await claimed(authority, url, 'late', -1);
  await enroll(await claimed(authority, url, 'barn'), join(folder, 'barn'));
  assert.equal(await count(), 2, 'this clock may be ahead: the late one stays');
  await claimed(authority, url, 'shed');
  const ended = Date.parse(certificateIn(join(folder, 'barn')).validTo);
  assert.equal(await dropClaims(authority.folder, 'shed', ended + 91 * 86_400_000), 1);
  assert.equal(await count(), 2);
  await dropClaims(authority.folder, 'shed', ended + 365.5 * 86_400_000); // The claim itself ended a day later.
  assert.equal(await count(), 0);
});
