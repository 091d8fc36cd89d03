import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import mqtt from 'mqtt-packet';
import { WebSocket } from 'ws';
import { startBroker } from '../../broker/server.js';
import { createLog } from '../../runtime/log.js';
import { random } from '../../schemas/random.js';
import { topicsOf } from '../../schemas/topics.js';
import { connectPacket, join, openSocket, options, startRig } from './rig.js';

const t1 = topicsOf('default');
const hugeHeader = Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]); // A PUBLISH of 256 MiB.
/** CONNACK with a code [MQTT 3.1.1, 3.2]. */
const connack = (code: number) => Buffer.from([0x20, 2, 0, code]);

test('a packet over the limit cuts its client at once; the broker and the others go on', async (t) => {
  const { broker, logged, url } = await startRig(t, { wsPort: 0 });
  const listener = await join(t, url, 'operator', 'op', { connected: (c) => c.subscribe(['#']) });
  const device = await join(t, url, 'device', 'board-1');
  const before = process.memoryUsage().rss;
  for (let i = 0; i < 5; i++) {
    const { socket, received, closed } = await openSocket(t, broker);
    socket.write(connectPacket({ id: 'bad', username: 'device' }));
    await received.count(1);
    socket.write(hugeHeader);
    const piece = Buffer.alloc(2 ** 20);
    const flood = setInterval(() => socket.writable && socket.write(piece), 1);
    await closed;
    clearInterval(flood);
  }
  assert.ok(process.memoryUsage().rss - before < 100 * 2 ** 20, 'the packets were not collected');
  await logged.find(({ client, reason }) => client === 'bad' && /the limit is 131072/.test(String(reason)));
  assert.equal(broker.counters.cutClients, 5);
  await device.client.publish(t1.presence('board-1'), 'still here');
  assert.equal((await listener.messages.count(1))[0]!.text, 'still here');
});

test('a packet over the limit is cut before CONNECT and over WebSocket too', async (t) => {
  const { broker } = await startRig(t, { wsPort: 0 });
  const { socket, closed } = await openSocket(t, broker);
  socket.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]));
  await closed;
  const webSocket = new WebSocket(`ws://127.0.0.1:${broker.wsPort}`, 'mqtt');
  await once(webSocket, 'open');
  webSocket.send(connectPacket({ id: 'bad', username: 'device' }));
  webSocket.send(hugeHeader);
  await once(webSocket, 'close');
  assert.equal(broker.counters.cutClients, 2);
});

test('a packet over the limit is not read, even when it came whole', async (t) => {
  const { broker, url } = await startRig(t, { maxPacketBytes: 1000 });
  const listener = await join(t, url, 'operator', 'op', { connected: (c) => c.subscribe(['#']) });
  const { socket, received, closed } = await openSocket(t, broker);
  socket.write(connectPacket({ id: 'board-1', username: 'device' }));
  await received.count(1);
  const topic = Buffer.from(t1.telemetry('board-1'));
  const body = Buffer.concat([
    Buffer.from([0, topic.length]),
    topic,
    Buffer.from([0, 1]),
    Buffer.alloc(1200),
  ]);
  const header = Buffer.from([0x32, (body.length % 128) + 128, Math.floor(body.length / 128)]); // QoS 1.
  socket.write(Buffer.concat([header, body]));
  await closed;
  assert.equal(received.all.length, 1, 'no PUBACK');
  await listener.client.publish(t1.roundsStart, 'end');
  assert.equal((await listener.messages.count(1))[0]!.text, 'end');
});

test('a CONNECT as long as a token makes it is answered, in one piece and in two', async (t) => {
  const { broker } = await startRig(t);
  const hello = mqtt.generate({
    ...{ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, keepalive: 0 },
    ...{ clientId: 'board-1', username: 'device', password: Buffer.alloc(20_000, 'x') },
  });
  for (const first of [hello.length, 10, 2000]) {
    const { socket, received } = await openSocket(t, broker);
    socket.write(hello.subarray(0, first));
    await new Promise((done) => setImmediate(done));
    socket.write(hello.subarray(first));
    assert.deepEqual((await received.count(1))[0], connack(0));
    socket.destroy();
  }
});

test('a request that is no WebSocket is answered and closed: nobody waits at that port for ever', async (t) => {
  const { broker } = await startRig(t, { wsPort: 0 });
  const { socket, received, closed } = await openSocket(t, { ...broker, port: broker.wsPort });
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await closed;
  assert.match(String(received.all[0]), /^HTTP\/1.1 426 .*connection: close/is);
});

test('of one who is not in yet a WebSocket collects no more than a CONNECT', async (t) => {
  const { broker, logged } = await startRig(t, { wsPort: 0, maxPacketBytes: 2 ** 20 });
  const webSocket = new WebSocket(`ws://127.0.0.1:${broker.wsPort}`, 'mqtt');
  webSocket.on('error', () => undefined);
  await once(webSocket, 'open');
  webSocket.send(Buffer.alloc(100_000), { fin: false });
  await once(webSocket, 'close');
  await logged.find(({ reason }) => /bytes before it was let in/.test(String(reason)));
});

test('garbage, a byte at a time, cuts only its own client', async (t) => {
  const { broker, url } = await startRig(t, { connectTimeoutS: 0.3 });
  const next = random('garbage');
  const { client } = await join(t, url, 'device', 'board-1');
  await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      const { socket, closed } = await openSocket(t, broker);
      if (i % 2) socket.write(connectPacket({ id: `bad-${i}`, username: 'viewer' }));
      // Ends in a reserved packet type behind whatever the garbage announced, at most the limit.
      const garbage = Array.from({ length: 100 }, () => Math.floor(next() * 256));
      for (const byte of garbage) {
        if (!socket.writable) break;
        await new Promise((done) => socket.write(Buffer.from([byte]), done));
      }
      if (socket.writable) socket.write(Buffer.alloc(2 * options.maxPacketBytes, 0xff));
      await closed;
    }),
  );
  await client.publish(t1.presence('board-1'), 'x');
});

test('a client that opens a connection and says nothing is cut, on either port', async (t) => {
  const { broker } = await startRig(t, { connectTimeoutS: 0.1, wsPort: 0 });
  for (const port of [broker.port, broker.wsPort]) {
    const { closed } = await openSocket(t, { ...broker, port });
    await closed;
  }
});

test('a subscriber that reads nothing is cut when its time is over, and the others get all', async (t) => {
  const { broker, logged, url } = await startRig(t, { drainTimeoutS: 0.3, maxQueuedBytes: 2 ** 30 });
  const { socket, received } = await openSocket(t, broker);
  socket.write(connectPacket({ id: 'frozen', username: 'viewer' }));
  await received.count(1);
  const filter = Buffer.from(t1.allManifests);
  const body = Buffer.concat([Buffer.from([0, 1, 0, filter.length]), filter, Buffer.from([0])]);
  socket.write(Buffer.concat([Buffer.from([0x82, body.length]), body]));
  await received.count(2);
  socket.pause();
  const healthy = await join(t, url, 'device', 'board-1', {
    connected: (c) => c.subscribe([t1.allManifests]),
  });
  const coordinator = await join(t, url, 'coordinator', 'c1');
  const payload = Buffer.alloc(100_000, 'x');
  for (let i = 0; i < 200; i++) await coordinator.client.publish(t1.manifest('run-1', i), payload);
  await logged.find(({ client, reason }) => client === 'frozen' && reason === 'drain timeout');
  const versions = (await healthy.messages.count(200)).map(({ topic }) => topic);
  assert.deepEqual(
    versions,
    Array.from({ length: 200 }, (_, i) => t1.manifest('run-1', i)),
  );
});

test('a client of a WebSocket and one of TCP hear each other', async (t) => {
  const { broker, url } = await startRig(t, { wsPort: 0 });
  const web = await join(t, `ws://127.0.0.1:${broker.wsPort}`, 'viewer', 'web', {
    connected: (c) => c.subscribe([t1.allPresence]),
  });
  const device = await join(t, url, 'device', 'board-1');
  await device.client.publish(t1.presence('board-1'), 'x'.repeat(100_000));
  assert.equal((await web.messages.count(1))[0]!.text.length, 100_000);
});

test('a web page connects by WebSocket only where it is listed', async (t) => {
  const listed = 'https://fleet.example.org';
  const { broker, logged } = await startRig(t, { wsPort: 0, origins: [listed] });
  const url = `ws://127.0.0.1:${broker.wsPort}`;
  for (const origin of ['https://example.org', 'null', `${listed}.evil`]) {
    const [error] = (await once(new WebSocket(url, 'mqtt', { origin }), 'error')) as [Error];
    assert.match(error.message, /401/);
    await logged.find(({ reason }) => String(reason).includes(`a web page of ${origin}, which --origins`));
  }
  const webSocket = new WebSocket(url, 'mqtt', { origin: listed });
  await once(webSocket, 'open');
  webSocket.close();
});

test('a connection over the limit is closed, those that are open stay', async (t) => {
  const { broker, logged } = await startRig(t, { maxConnections: 2 });
  const first = await openSocket(t, broker);
  await openSocket(t, broker);
  const third = await openSocket(t, broker);
  await third.closed;
  await logged.find(({ message }) => message === 'connection refused');
  first.socket.write(connectPacket({ id: 'board-1', username: 'device' }));
  assert.deepEqual(await first.received.find(() => true), connack(0));
});

test('a port that is taken is refused with what to do', async (t) => {
  const { broker } = await startRig(t);
  const log = createLog('broker', () => undefined);
  await assert.rejects(startBroker({ ...options, port: broker.port }, log), {
    name: 'Refusal',
    message: `port ${broker.port} on 127.0.0.1 is taken: stop what uses it or give another with --port`,
  });
  await assert.rejects(startBroker({ ...options, wsPort: broker.port }, log), {
    name: 'Refusal',
    message: `port ${broker.port} on 127.0.0.1 is taken: stop what uses it or give another with --ws-port`,
  });
  await assert.rejects(startBroker({ ...options, host: '203.0.113.1' }, log), {
    name: 'Refusal',
    message: /can't listen on port 0 of 203\.0\.113\.1 \(EADDRNOTAVAIL\)/,
  });
});

test('a browser whose broker stops is told that it goes away', async (t) => {
  const { broker } = await startRig(t, { wsPort: 0 });
  const socket = new WebSocket(`ws://127.0.0.1:${broker.wsPort}`, 'mqtt');
  const [closed] = [once(socket, 'close')];
  await once(socket, 'open');
  await broker.stop();
  const [code] = await closed;
  assert.equal(code, 1001);
});
