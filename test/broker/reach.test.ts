import assert from 'node:assert/strict';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { reachOf } from '../../broker/client.js';
import { readBundle } from '../../identity/bundle.js';
import { makeTestAuthority } from '../identity/authority-rig.js';

const device = { role: 'device', id: 'barn' } as const;

test('a broker on another machine is spoken to by TLS and with something to show, or where a setting says so', async (t) => {
  const { bundle } = await makeTestAuthority(t);
  const tls = await bundle('device', 'barn');
  const refused: [reach: Parameters<typeof reachOf>[0], reason: RegExp][] = [
    [{ broker: 'mqtt://10.0.0.7:1883' }, /without TLS anybody.*mqtts:\/\/.*--insecure/],
    [{ broker: 'ws://server.example:9001', password: 'secret' }, /without TLS anybody/],
    [{ broker: 'mqtts://server.example' }, /nothing says who we are: give --tls/],
    [{ broker: 'wss://[2001:db8::1]:9001' }, /nothing says who we are/],
  ];
  for (const [reach, reason] of refused) {
    assert.throws(() => reachOf(reach, device), reason);
    assert.equal(reachOf({ ...reach, insecure: true }, device).url, reach.broker);
  }
  for (const broker of ['mqtt://127.0.0.1:1883', 'ws://localhost:9001', 'mqtt://[::1]:1883'])
    assert.equal(reachOf({ broker }, device).username, 'device');
  const { own, authority } = readBundle(tls);
  assert.deepEqual(reachOf({ broker: 'mqtts://server.example', tls }, device).secrets!(), {
    tls: { ca: authority, cert: own!.certificate, key: own!.key },
  });
});

test('with a password a device is called by its id, others by their role, and all as they say', () => {
  const broker = 'mqtt://127.0.0.1:1883';
  const name = (reach: object, who: Parameters<typeof reachOf>[1]) =>
    reachOf({ broker, ...reach }, who).username;
  assert.equal(name({ password: 'secret' }, device), 'barn');
  assert.equal(name({ password: 'secret' }, { role: 'operator' }), 'operator');
  assert.equal(name({ password: 'secret', username: 'ana' }, { role: 'operator' }), 'ana');
});

test('what can’t be used is told at once: a folder without a bundle, an open key, two passwords, an empty file', async (t) => {
  const { bundle, folder } = await makeTestAuthority(t);
  const broker = 'mqtts://server.example';
  assert.throws(() => reachOf({ broker, tls: folder }, device), /holds neither tls\.crt nor ca\.crt/);
  const other = await bundle('device', 'shed');
  const tls = await bundle('device', 'barn');
  await cp(join(other, 'tls.crt'), join(tls, 'tls.crt'));
  assert.throws(() => reachOf({ broker, tls }, device), /tls\.key is not the key of tls\.crt/);
  assert.throws(
    () => reachOf({ broker, password: 'a', tokenFile: 'b' }, device),
    /one of --password, --password-file and --token-file/,
  );
  await writeFile(join(folder, 'empty'), '\n', { mode: 0o600 });
  assert.throws(() => reachOf({ broker, tokenFile: join(folder, 'empty') }, device), /missing or empty/);
  await writeFile(join(folder, 'open'), 'secret\n', { mode: 0o644 });
  assert.throws(() => reachOf({ broker, passwordFile: join(folder, 'open') }, device), /chmod 600/);
  const plain = { broker: 'mqtt://127.0.0.1:1883', tls: await bundle('device', 'barn') };
  assert.throws(() => reachOf(plain, device), /--tls is given, and .* speaks no TLS: mqtts:/);
});
