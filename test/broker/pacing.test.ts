import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import mqtt from 'mqtt-packet';
import { paceReads } from '../../broker/pacing.js';
import { random } from '../../schemas/random.js';
import { topicsOf } from '../../schemas/topics.js';
import { connectPacket, join, openSocket, startRig } from './rig.js';

const topics = topicsOf('default');
const topic = topics.telemetry('board-1');

function messages(count: number): string[] {
  const next = random('pacing');
  const sizes = [10, 100, 3000, 4096, 9000, 70_000];
  return Array.from({ length: count }, (_, i) =>
    `${i} `.padEnd(sizes[Math.floor(next() * sizes.length)]!, 'x'),
  );
}

const publish = (payload: string) =>
  mqtt.generate({ cmd: 'publish', topic, payload, qos: 0, retain: false, dup: false });

test('small and large messages in one burst arrive whole and in their order, sent behind a CONNECT too', async (t) => {
  const { broker, url } = await startRig(t);
  const viewer = await join(t, url, 'viewer', 'web', {
    connected: (c) => c.subscribe([topics.allTelemetry]),
  });
  const { socket } = await openSocket(t, broker);
  const sent = messages(200);
  socket.write(Buffer.concat([connectPacket({ id: 'board-1', username: 'device' }), ...sent.map(publish)]));
  const heard = await viewer.messages.count(sent.length);
  assert.ok(heard.every(({ text }, i) => text === sent[i]));
});

test('so they do in pieces of any size, and over WebSocket', async (t) => {
  const { broker, url } = await startRig(t, { wsPort: 0 });
  const viewer = await join(t, url, 'viewer', 'web', {
    connected: (c) => c.subscribe([topics.allTelemetry]),
  });
  const { socket } = await openSocket(t, broker);
  const sent = messages(60);
  const stream = Buffer.concat([connectPacket({ id: 'board-1', username: 'device' }), ...sent.map(publish)]);
  const next = random('pieces');
  for (let at = 0; at < stream.length; ) {
    const end = at + 1 + Math.floor(next() * 20_000);
    await new Promise((done) => socket.write(stream.subarray(at, end), done));
    at = end;
  }
  const { client } = await join(t, `ws://127.0.0.1:${broker.wsPort}`, 'device', 'board-2');
  await Promise.all(sent.map((text) => client.publish(topics.telemetry('board-2'), text)));
  const heard = await viewer.messages.count(2 * sent.length);
  const of = (device: string) => heard.filter((one) => one.topic === topics.telemetry(device));
  for (const device of ['board-1', 'board-2'])
    assert.ok(of(device).every(({ text }, i) => text === sent[i]) && of(device).length === sent.length);
});

test('nothing that comes before its CONNECT is answered is taken as nobody’s', async (t) => {
  const { broker, logged, url } = await startRig(t);
  const viewer = await join(t, url, 'viewer', 'web', {
    connected: (c) => c.subscribe([topics.allTelemetry]),
  });
  for (let i = 0; i < 50; i++) {
    const { socket } = await openSocket(t, broker);
    socket.setNoDelay(true);
    socket.write(connectPacket({ id: 'board-1', username: 'device' }));
    await new Promise((done) => setImmediate(done));
    socket.write(publish(`${i} `.padEnd(5000, 'x')));
    await viewer.messages.count(i + 1);
  }
  assert.ok(!logged.all.some(({ message }) => message === 'publish denied'));
});

test('what comes while its reader is busy waits for it', async () => {
  const connection = new Duplex({ read: () => undefined, write: (_bytes, _encoding, done) => done() });
  paceReads(connection, { remaining: () => 0, open: () => true });
  let woken = 0;
  connection.on('readable', () => woken++);
  connection.push('a packet');
  await new Promise((done) => setImmediate(done)); // Meanwhile Node asks for more.
  assert.ok(woken > 0);
  assert.equal(String(connection.read()), 'a packet');
});
