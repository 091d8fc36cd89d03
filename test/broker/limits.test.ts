import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { test } from 'node:test';
import mqtt from 'mqtt-packet';
import { hashPassword } from '../../identity/password-file.js';
import { topicsOf } from '../../schemas/topics.js';
import { connectPacket, join, openSocket, startRig } from './rig.js';
import { startSecure } from './tls-rig.js';

const topics = topicsOf('default');
const connack = (code: number) => Buffer.from([0x20, 2, 0, code]);
const mqtt4 = { protocolId: 'MQTT', protocolVersion: 4 } as const;
const pingreq = Buffer.from([0xc0, 0]);

/** MQTT's SUBSCRIBE to some filters, QoS 0. */
function subscribePacket(filters: readonly string[]): Buffer {
  const body = Buffer.concat([
    Buffer.from([0, 1]),
    ...filters.map((filter) =>
      Buffer.concat([Buffer.from([0, filter.length]), Buffer.from(filter), Buffer.from([0])]),
    ),
  ]);
  const length: number[] = [];
  for (let rest = body.length; rest > 0 || length.length === 0; rest = Math.floor(rest / 128))
    length.push((rest % 128) + (rest >= 128 ? 128 : 0));
  return Buffer.concat([Buffer.from([0x82, ...length]), body]);
}

test('one address holds so many connections and no more; one that closes makes room', async (t) => {
  const { broker, logged } = await startRig(t, { maxAddressConnections: 2, wsPort: 0 });
  const first = await openSocket(t, broker);
  await openSocket(t, { ...broker, port: broker.wsPort });
  await (await openSocket(t, broker)).closed;
  const { reason, address } = await logged.find(({ message }) => message === 'connection refused');
  assert.equal(reason, '2 from this address are open (--max-address-connections)');
  assert.equal(address, '127.0.0.1');
  first.socket.destroy();
  for (let answered = false; !answered; ) {
    const { socket, received, closed } = await openSocket(t, broker);
    socket.write(connectPacket({ id: 'board-1', username: 'device' }));
    answered = await Promise.race([received.count(1).then(() => true), closed.then(() => false)]);
  }
});

test('of one address so many may wait to be let in; who is in does not count', async (t) => {
  const { broker, logged } = await startRig(t, { maxAddressWaiting: 2 });
  for (const id of ['board-1', 'board-2', 'board-3']) {
    const { socket, received } = await openSocket(t, broker);
    socket.write(connectPacket({ id, username: 'device' }));
    await received.count(1);
  }
  const half = await openSocket(t, broker);
  half.socket.write(connectPacket({ id: 'board-4', username: 'device' }).subarray(0, 5));
  await openSocket(t, broker);
  await (await openSocket(t, broker)).closed;
  const { reason } = await logged.find(({ message }) => message === 'connection refused');
  assert.match(String(reason), /^2 from this address have not been let in yet/);
});

test('one address connects so often a second, ten seconds’ worth at once', async (t) => {
  const { broker, logged } = await startRig(t, { addressConnectsPerS: 0.5 });
  const opened = [];
  for (let i = 0; i < 5; i++) opened.push(await openSocket(t, broker));
  await (await openSocket(t, broker)).closed;
  const { reason } = await logged.find(({ message }) => message === 'connection refused');
  assert.match(String(reason), /^more than 0\.5 a second from this address/);
  assert.ok(opened.every(({ socket }) => socket.writable));
});

test('a flood of connections does not fill the log', async (t) => {
  const { broker, logged } = await startRig(t, { maxConnections: 1 });
  await openSocket(t, broker);
  for (let i = 0; i < 100; i++) await (await openSocket(t, broker)).closed;
  await logged.find(({ message }) => message === 'connection refused');
  const lines = logged.all.filter(({ message }) => message === 'connection refused');
  assert.ok(lines.length < 25, `${lines.length} lines`);
});

test('one client connects so often a minute; others with other ids are let in, and the older session stays', async (t) => {
  const { broker, logged } = await startRig(t, { clientConnectsPerMinute: 2 });
  const enter = async (id: string) => {
    const { socket, received } = await openSocket(t, broker);
    socket.write(connectPacket({ id, username: 'device' }));
    return { socket, answer: await received.find(() => true) };
  };
  await enter('board-1');
  const second = await enter('board-1');
  assert.deepEqual((await enter('board-1')).answer, connack(3));
  assert.ok(second.socket.writable);
  const { problem } = await logged.find(({ message }) => message === 'client refused');
  assert.match(String(problem), /connects too often.*--client-connects-per-minute/);
  assert.deepEqual((await enter('board-2')).answer, connack(0));
});

test('after so many wrong passwords from an address none is looked at, the right one neither', async (t) => {
  const folder = await mkdtemp(joinPath(tmpdir(), 'fleetune-limits-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const passwords = joinPath(folder, 'passwords');
  await writeFile(passwords, `barn:device:${await hashPassword('barn-secret')}\n`, { mode: 0o600 });
  const { broker, logged } = await startRig(t, { passwords, addressRefusalsPerMinute: 2 });
  const answerTo = async (password: string) => {
    const { socket, received } = await openSocket(t, broker);
    const login = { clientId: 'barn', username: 'barn', password: Buffer.from(password) };
    socket.write(mqtt.generate({ cmd: 'connect', clean: true, keepalive: 0, ...mqtt4, ...login }));
    return received.find(() => true);
  };
  assert.deepEqual(await answerTo('barn-secret'), connack(0));
  for (const guess of ['a', 'b']) assert.deepEqual(await answerTo(guess), connack(4));
  assert.deepEqual(await answerTo('barn-secret'), connack(3));
  await logged.find(({ problem }) => String(problem).includes('--address-refusals-per-minute'));
});

test('a client’s packets beyond its rate are read later, and none is lost', async (t) => {
  const { url } = await startRig(t, { clientPacketsPerS: 100 });
  const viewer = await join(t, url, 'viewer', 'web', {
    connected: (c) => c.subscribe([topics.allTelemetry]),
  });
  const { client } = await join(t, url, 'device', 'board-1');
  const sent = Array.from({ length: 150 }, (_, i) => String(i));
  const fromMs = performance.now();
  await Promise.all(sent.map((text) => client.publish(topics.telemetry('board-1'), text)));
  await client.publish(topics.telemetry('board-1'), 'end');
  // 50 may come at once, half a second's worth; a hundred more are a debt of a second.
  assert.ok(performance.now() - fromMs > 700);
  const texts = (await viewer.messages.count(151)).map(({ text }) => text);
  assert.deepEqual(texts, [...sent, 'end']);
});

test('packets of all kinds count, of all clients of an address together, but not a coordinator’s', async (t) => {
  const { broker, url } = await startRig(t, { addressPacketsPerS: 50 });
  const coordinator = await join(t, url, 'coordinator', 'c1');
  await Promise.all(
    Array.from({ length: 300 }, () => coordinator.client.publish(topics.task('board-1'), 'x')),
  );
  const flood = await openSocket(t, broker);
  flood.socket.write(connectPacket({ id: 'web', username: 'viewer' }));
  await flood.received.count(1);
  flood.socket.write(Buffer.concat(Array(150).fill(pingreq)));
  await flood.received.find(() => Buffer.concat(flood.received.all).length >= 4 + 300);
  // A debt of two and a half seconds: a machine that is slow for a moment does not pay it.
  const other = await openSocket(t, broker);
  const fromMs = performance.now();
  other.socket.write(connectPacket({ id: 'board-1', username: 'device' }));
  await other.received.count(1);
  other.socket.write(pingreq);
  await other.received.count(2);
  assert.ok(performance.now() - fromMs > 500, 'it did not wait for what another of its address owes');
});

test('a connection over a limit is closed before TLS is spoken, and half a handshake does not last', async (t) => {
  const { broker, logged, bundle, enter } = await startSecure(t, {
    maxAddressConnections: 2,
    connectTimeoutS: 0.3,
    wsPort: 0,
  });
  const device = await enter(await bundle('device', 'barn'), 'device', 'barn');
  const half = await openSocket(t, broker);
  half.socket.write(Buffer.from([0x16, 0x03, 0x01])); // The first bytes of a ClientHello.
  await (await openSocket(t, broker)).closed;
  await (await openSocket(t, { ...broker, port: broker.wsPort })).closed;
  await logged.find(({ reason }) => String(reason).includes('--max-address-connections'));
  await half.closed;
  const viewer = await enter(await bundle('viewer', 'vera'), 'viewer', 'web');
  await viewer.client.subscribe([topics.allPresence]);
  await device.client.publish(topics.presence('barn'), 'here');
  assert.equal((await viewer.messages.count(1))[0]!.text, 'here');
});

test('a client with so many refusals in one connection is cut', async (t) => {
  const { broker, logged } = await startRig(t, { maxDenials: 20 });
  const { socket, received, closed } = await openSocket(t, broker);
  socket.write(connectPacket({ id: 'web', username: 'viewer' }));
  await received.count(1);
  socket.write(subscribePacket(Array.from({ length: 19 }, (_, i) => `${i}/#`)));
  await received.count(2);
  socket.write(subscribePacket(['#']));
  await closed;
  const { reason } = await logged.find(({ message }) => message === 'client cut');
  assert.equal(reason, '20 of its messages and subscriptions were refused (--max-denials)');
  assert.equal(broker.counters.cutClients, 1);
});

test('a control packet over its limit cuts its client; a message of that size does not', async (t) => {
  const { broker, logged, url } = await startRig(t, { maxControlBytes: 2000 });
  const { client } = await join(t, url, 'device', 'board-1');
  await client.publish(topics.telemetry('board-1'), 'x'.repeat(5000));
  const { socket, received, closed } = await openSocket(t, broker);
  socket.write(connectPacket({ id: 'web', username: 'viewer' }));
  await received.count(1);
  socket.write(subscribePacket(Array.from({ length: 30 }, () => 'x'.repeat(100))));
  await closed;
  const { reason } = await logged.find(({ message }) => message === 'client cut');
  assert.match(String(reason), /the limit is 2000/);
});

test('a client that reads nothing holds up nobody, and is cut when too much waits for it', async (t) => {
  const { broker, logged, url } = await startRig(t, { maxQueuedBytes: 2 ** 20, drainTimeoutS: 3600 });
  const frozen = await openSocket(t, broker);
  frozen.socket.write(connectPacket({ id: 'frozen', username: 'viewer' }));
  await frozen.received.count(1);
  frozen.socket.write(subscribePacket([topics.allTelemetry]));
  await frozen.received.count(2);
  frozen.socket.pause();
  const viewer = await join(t, url, 'viewer', 'web', {
    connected: (c) => c.subscribe([topics.allTelemetry]),
  });
  const { client } = await join(t, url, 'device', 'board-1');
  const payload = 'x'.repeat(100_000);
  // With a drain timeout of an hour each of these would wait for the frozen one.
  for (let i = 0; i < 150; i++) await client.publish(topics.telemetry('board-1'), payload);
  await viewer.messages.count(150);
  const { reason } = await logged.find(
    ({ client: id, message }) => message === 'client cut' && id === 'frozen',
  );
  assert.match(String(reason), /bytes wait for it, the limit is 1048576 \(--max-queued-bytes\)/);
});

test('who sends to a coordinator that reads nothing waits for it, and others don’t', async (t) => {
  const { broker, url } = await startRig(t, { maxQueuedBytes: 2 ** 20, drainTimeoutS: 3600 });
  const slow = await openSocket(t, broker);
  slow.socket.write(connectPacket({ id: 'c1', username: 'coordinator' }));
  await slow.received.count(1);
  slow.socket.write(subscribePacket([topics.allUpdates]));
  await slow.received.count(2);
  slow.socket.pause();
  const sender = await join(t, url, 'device', 'board-1');
  const payload = 'x'.repeat(100_000);
  let sent = 0;
  const sending = Promise.all(
    Array.from({ length: 600 }, () =>
      sender.client.publish(topics.update('board-1', 1), payload).then(() => sent++),
    ),
  );
  const viewer = await join(t, url, 'viewer', 'web', {
    connected: (c) => c.subscribe([topics.allTelemetry]),
  });
  const other = await join(t, url, 'device', 'board-2');
  for (let i = 0; i < 20; i++) await other.client.publish(topics.telemetry('board-2'), payload);
  await viewer.messages.count(20);
  assert.ok(sent < 600 && slow.socket.readable, `${sent} sent`);
  slow.socket.resume();
  await sending;
});
