import assert from 'node:assert/strict';
import { once } from 'node:events';
import { appendFile, cp, readFile, rm } from 'node:fs/promises';
import { join as joinPath } from 'node:path';
import { test } from 'node:test';
import { enroll } from '../../identity/enrolment.js';
import { revoke } from '../../identity/revocation.js';
import { topicsOf } from '../../schemas/topics.js';
import { claimed, makeTestAuthority, serve } from '../identity/authority-rig.js';
import { connectPacket, openSocket, startRig } from './rig.js';
import { heardBy, openTls, shown, startSecure } from './tls-rig.js';

const topics = topicsOf('default');
const dayMs = 86_400_000;

test('device, coordinator, operator and viewer meet over TLS, each by its certificate', async (t) => {
  const { bundle, enter } = await startSecure(t);
  const device = await enter(await bundle('device', 'barn'), 'device', 'barn');
  const viewer = await enter(await bundle('viewer', 'vera'), 'viewer', 'any-id');
  await viewer.client.subscribe([topics.presence('barn')]);
  await device.client.publish(topics.presence('barn'), 'here');
  assert.equal((await viewer.messages.count(1))[0]!.text, 'here');
  const operator = await enter(await bundle('operator', 'ana'), 'operator', 'other-id');
  const coordinator = await enter(await bundle('coordinator', 'main'), 'coordinator', 'coordinator-1');
  await coordinator.client.subscribe([topics.roundsStart]);
  await operator.client.publish(topics.roundsStart, '{}');
  assert.equal((await coordinator.messages.count(1))[0]!.topic, topics.roundsStart);
});

test('the role is the certificate’s, whatever the user name says', async (t) => {
  const { bundle, enter, logged } = await startSecure(t);
  const viewer = await enter(await bundle('viewer', 'vera'), 'viewer', 'v', { username: 'operator' });
  await viewer.client.publish(topics.roundsStart, '{}');
  const denied = await logged.find(({ message }) => message === 'publish denied');
  assert.match(String(denied.problem), /not for a viewer/);
  assert.deepEqual([denied.client, denied.role, denied.name], ['v', 'viewer', 'vera']);
});

test('over WebSocket it is the same', async (t) => {
  const { bundle, enter, broker, logged } = await startSecure(t, { wsPort: 0 });
  const device = await enter(await bundle('device', 'barn'), 'device', 'barn', {
    broker: `wss://127.0.0.1:${broker.wsPort}`,
  });
  await device.client.publish(topics.presence('barn'), 'here');
  const expired = shown(await bundle('device', 'barn', { nowMs: Date.now() - 2 * dayMs }));
  const upgrade = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
  assert.equal((await heardBy(broker.wsPort, expired, upgrade)).length, 0);
  await logged.find(({ reason }) => /certificate of "barn": expired/.test(String(reason)));
});

test('an expired certificate, one of another authority and none at all are cut unheard; the log says why', async (t) => {
  const { bundle, broker, logged } = await startSecure(t);
  const other = await makeTestAuthority(t, 'Another authority');
  const cases: [shown: object, reason: RegExp][] = [
    [
      shown(await bundle('device', 'barn', { nowMs: Date.now() - 2 * dayMs })),
      /certificate of "barn": expired 20/,
    ],
    [
      shown(await bundle('device', 'barn', { nowMs: Date.now() + 2 * dayMs })),
      /certificate of "barn": not valid yet/,
    ],
    [shown(await other.bundle('device', 'barn')), /certificate of "barn": of another authority/],
    [{}, /it shows no certificate/],
  ];
  for (const [options, reason] of cases) {
    assert.equal((await heardBy(broker.port, options)).length, 0, String(reason));
    const told = await logged.find((line) => reason.test(String(line.reason)));
    assert.equal(told.message, 'connection refused');
    assert.match(String(told.address), /127\.0\.0\.1/);
  }
});

test('a certificate whose chain is cut is not taken, and the broker goes on with what it has', async (t) => {
  const { bundle, enter, logged, secure } = await startSecure(t);
  const path = joinPath(secure.tls, 'tls.crt');
  await appendFile(path, '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n');
  await logged.find(({ message }) => message === 'changed files not taken');
  await enter(await bundle('device', 'barn'), 'device', 'barn');
});

test('strangers who show nothing, speak no TLS or no MQTT do not fill the log', async (t) => {
  const { bundle, broker, logged } = await startSecure(t);
  const known = shown(await bundle('device', 'barn'));
  for (let i = 0; i < 100; i++) {
    await heardBy(broker.port, {});
    const { socket, closed } = await openSocket(t, broker);
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await closed;
    await heardBy(broker.port, known, Buffer.from([0x10, 2, 0, 0]));
  }
  assert.ok(logged.all.length < 200, `${logged.all.length} lines of 300 connections`);
});

test('a certificate of another device, or of a server, gets a code and no reason; the log says why', async (t) => {
  const { bundle, broker, logged } = await startSecure(t);
  const cases: [shown: object, problem: RegExp][] = [
    [shown(await bundle('device', 'shed')), /it is shed, and comes as another/],
    [
      shown(await bundle('broker', 'other-server')),
      /the certificate of other-server is a broker’s, not a peer’s/,
    ],
  ];
  for (const [options, problem] of cases) {
    const heard = await heardBy(broker.port, options);
    assert.deepEqual([...heard], [0x20, 2, 0, 5]); // CONNACK: not authorized [MQTT-3.2.2-5].
    await logged.find((line) => problem.test(String(line.problem)));
  }
});

test('a broker with another host name, of another authority, or with a device’s certificate is not believed', async (t) => {
  const { bundle, enter } = await startSecure(t);
  const other = await makeTestAuthority(t, 'Another authority');
  const device = await bundle('device', 'barn');
  const refused = async (tls: string, reason: RegExp) => {
    const { broker } = await startRig(t, { tls });
    await assert.rejects(
      enter(device, 'device', 'barn', { broker: `mqtts://127.0.0.1:${broker.port}` }),
      reason,
    );
  };
  await refused(
    await bundle('broker', 'elsewhere', { hosts: ['elsewhere.example'] }),
    /not one that we believe.*altnames/,
  );
  await refused(
    await other.bundle('broker', 'server'),
    /not one that we believe \(self-signed certificate in/,
  );
  await refused(await bundle('device', '127', { hosts: ['127.0.0.1'] }), /unsu.*certificate purpose/);
});

test('a revoked device is cut at once, does not come back, and not after a restart of the broker', async (t) => {
  const { bundle, enter, broker, logged, authority, secure } = await startSecure(t);
  const folder = await bundle('device', 'barn');
  const device = await enter(folder, 'device', 'barn');
  const viewer = await enter(await bundle('viewer', 'vera'), 'viewer', 'v');
  await revoke(authority, 'barn', Date.now());
  await device.connections.find((event) => event.startsWith('lost'));
  await logged.find(
    ({ message, reason }) => message === 'client cut' && reason === 'its certificate was revoked',
  );
  assert.equal((await heardBy(broker.port, shown(folder))).length, 0);
  await broker.stop();
  const next = await startRig(t, secure);
  assert.equal((await heardBy(next.broker.port, shown(folder))).length, 0);
  await next.logged.find(({ reason }) => reason === 'certificate of "barn": revoked');
  await enter(await bundle('device', 'barn'), 'device', 'barn', {
    broker: `mqtts://127.0.0.1:${next.broker.port}`,
  });
  assert.ok(viewer);
});

test('a device whose certificate ends while it is connected is cut', async (t) => {
  const { bundle, enter, logged } = await startSecure(t);
  const device = await enter(await bundle('device', 'barn', { days: 5 / 86_400 }), 'device', 'barn');
  await device.connections.find((event) => event.startsWith('lost'));
  await logged.find(({ reason }) => reason === 'its certificate ended');
});

test('who is not let in with a certificate that ended hears so, and that a revoked one may be why; a claim lets it in', async (t) => {
  const { bundle, enter, authority } = await startSecure(t);
  const { url } = await serve(t, authority);
  const old = await bundle('device', 'barn', { nowMs: Date.now() - 2 * dayMs });
  const lost = await bundle('viewer', 'vera');
  const viewer = await enter(lost, 'viewer', 'v');
  await revoke(authority, 'vera', Date.now());
  await viewer.connections.find((event) => event.startsWith('lost'));
  await assert.rejects(
    enter(old, 'device', 'barn', {}, 0.5),
    /was closed; our certificate, of device barn, ended 20.*: if .* clock is right, a new claim lets us in again/,
  );
  await assert.rejects(enter(lost, 'viewer', 'w', {}, 0.5), /One that cuts us, as where .* revoked, says in/);
  await enroll(await claimed(authority, url, 'barn'), old);
  await enter(old, 'device', 'barn');
});

test('no TLS session is taken up again: each connection shows its certificate anew', async (t) => {
  const { bundle, broker } = await startSecure(t);
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const options = { ...shown(await bundle('device', 'barn')), maxVersion };
    const first = openTls(broker.port, options);
    const [session] = (await once(first, 'session')) as [Buffer];
    const second = openTls(broker.port, { ...options, session });
    await once(second, 'secureConnect');
    assert.equal(second.isSessionReused(), false, maxVersion);
    first.destroy();
    second.destroy();
  }
});

test('plain MQTT and a TLS older than 1.2 get nowhere on a port that speaks TLS', async (t) => {
  const { broker, logged } = await startSecure(t);
  const { socket, closed, received } = await openSocket(t, broker);
  socket.write('\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00');
  await closed;
  assert.ok(received.all.every((piece) => piece[0] !== 0x20)); // At most a TLS alert; no CONNACK.
  await logged.find(({ reason }) => /wrong version number|packet length|http request/.test(String(reason)));
  const old = openTls(broker.port, {
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  });
  await new Promise((resolve) => old.once('close', resolve));
  await logged.find(({ reason }) => /protocol/.test(String(reason)));
});

test('a renewed certificate of the broker counts for the next connection, without a stop', async (t) => {
  const { bundle, enter, broker, logged, secure } = await startSecure(t);
  const device = await enter(await bundle('device', 'barn'), 'device', 'barn');
  const serialSeen = async () => {
    const socket = openTls(broker.port, {});
    await once(socket, 'secureConnect');
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  };
  const before = await serialSeen();
  const next = await bundle('broker', 'server');
  for (const file of ['tls.key', 'tls.crt']) await cp(joinPath(next, file), joinPath(secure.tls, file));
  await logged.find(({ message }) => message === 'changed files taken');
  assert.notEqual(await serialSeen(), before);
  await device.client.publish(topics.presence('barn'), 'still here');
});

test('a list of revoked certificates that is gone or of another authority does not open the door', async (t) => {
  const { bundle, broker, logged, authority, secure } = await startSecure(t);
  const folder = await bundle('device', 'barn');
  await revoke(authority, 'barn', Date.now());
  await logged.find(({ message, revoked }) => message === 'changed files taken' && revoked === 1);
  await rm(secure.crl);
  await logged.find(({ message }) => message === 'changed files not taken');
  assert.equal((await heardBy(broker.port, shown(folder))).length, 0);
  await assert.rejects(startRig(t, secure), /\(--crl\) is missing/);
  const other = await makeTestAuthority(t, 'Another authority');
  const foreign = joinPath(other.authority.folder, 'public', 'crl.pem');
  assert.match(await readFile(foreign, 'utf8'), /BEGIN X509 CRL/);
  await assert.rejects(startRig(t, { ...secure, crl: foreign }), /that another authority signed/);
});

test('a broker elsewhere asks the authority for the list, and counts its copy while the authority is away', async (t) => {
  const { bundle, authority } = await makeTestAuthority(t);
  const { server, url } = await serve(t, authority);
  const secure = { tls: await bundle('broker', 'server'), crl: `${url}/v1/revoked` };
  const { broker, logged } = await startRig(t, secure);
  const folder = await bundle('device', 'barn');
  const socket = openTls(broker.port, shown(folder));
  const closed = new Promise((resolve) => socket.resume().once('close', resolve));
  socket.write(connectPacket({ id: 'barn' }));
  await logged.find(({ message }) => message === 'client in');
  await revoke(authority, 'barn', Date.now());
  await closed;
  await logged.find(({ reason }) => reason === 'its certificate was revoked');
  await broker.stop();
  await server.stop();
  const next = await startRig(t, secure);
  assert.equal((await heardBy(next.broker.port, shown(folder))).length, 0);
  await next.logged.find(({ message }) => message === 'the list of revoked certificates can’t be asked for');
  await rm(joinPath(secure.tls, 'crl.pem'));
  await assert.rejects(startRig(t, secure), /no list of revoked certificates from https.*none of before/);
});
