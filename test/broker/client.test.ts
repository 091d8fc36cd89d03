import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { backoffMs, connectClient } from '../../broker/client.js';
import { startBroker } from '../../broker/server.js';
import { createLog } from '../../runtime/log.js';
import { topicsOf } from '../../schemas/topics.js';
import { Events, join, options, startRelay, startRig } from './rig.js';

const t1 = topicsOf('default');
const quiet = createLog('broker', () => undefined);
const nothing = { connected: () => undefined, message: () => undefined };

/** A TCP server that does what it is told with a connection. */
async function serve(t: TestContext, handle: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    handle(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  t.after(close);
  const { port } = server.address() as { port: number };
  return { url: `mqtt://127.0.0.1:${port}`, close };
}

const settingsFor = (url: string, connectS: number) => ({
  url,
  connectS,
  clientId: 'board-1',
  username: 'device' as const,
  maxPacketBytes: options.maxPacketBytes,
});

test('an unreachable broker is refused within the limit, with what to do', async (t) => {
  const { url, close } = await serve(t, () => undefined);
  close();
  const started = Date.now();
  await assert.rejects(connectClient(settingsFor(url, 0.8), nothing), {
    name: 'Refusal',
    message: new RegExp(`^no broker answered at ${url} within 0.8 s \\(.*ECONNREFUSED.*\\): start one with`),
  });
  assert.ok(Date.now() - started < 5000);
});

test('a name that nobody knows is no broker to be started', async () => {
  await assert.rejects(connectClient(settingsFor('mqtts://nobody.invalid', 0.5), nothing), {
    name: 'Refusal',
    message: /no broker answered .* is this machine’s network up, and --broker the right address\?$/,
  });
});

test('a broker that takes the connection and says nothing is refused within the limit', async (t) => {
  const { url } = await serve(t, () => undefined);
  const started = Date.now();
  await assert.rejects(connectClient(settingsFor(url, 0.5), nothing), {
    name: 'Refusal',
    message: /no broker answered/,
  });
  assert.ok(Date.now() - started < 5000);
});

test('a broker that starts a little later is waited for', async (t) => {
  const { url, close } = await serve(t, (socket) => socket.destroy());
  const connecting = connectClient(settingsFor(url, 10), nothing);
  close();
  const broker = await startBroker({ ...options, port: Number(new URL(url).port) }, quiet);
  t.after(() => broker.stop());
  const client = await connecting;
  assert.ok(client.connected);
  await client.stop();
});

test('an address that is none is refused', async () => {
  for (const url of [
    '',
    'localhost',
    '127.0.0.1:1883',
    'http://a:1',
    'mqtt://',
    'mqtt://root@a:1',
    'mqtt://a:1?x=1',
  ])
    await assert.rejects(
      connectClient(settingsFor(url, 1), nothing),
      { name: 'Refusal', message: /expected/ },
      url,
    );
});

test('a broker that does not let us in is refused at once', async (t) => {
  const { url } = await startRig(t);
  await assert.rejects(connectClient({ ...settingsFor(url, 60), clientId: 'a/b' }, nothing), {
    name: 'Refusal',
    message: /does not let us in as device: Connection refused: Identifier rejected/,
  });
});

test('after a restart of the broker the client connects, and is told so, again', async (t) => {
  const first = await startBroker(options, quiet);
  const url = `mqtt://127.0.0.1:${first.port}`;
  const subscribe = {
    connected: (c: { subscribe(f: string[]): Promise<void> }) => c.subscribe([t1.task('board-1')]),
  };
  const device = await join(t, url, 'device', 'board-1', subscribe);
  await first.stop();
  await device.connections.count(2);
  assert.ok(!device.client.connected);
  await assert.rejects(device.client.publish(t1.presence('board-1'), 'x'), { name: 'ConnectionLost' });
  const second = await startBroker({ ...options, port: first.port }, quiet);
  t.after(() => second.stop());
  await device.connections.count(3);
  assert.match(device.connections.all.join(), /^connected,lost: .*,connected$/);
  const coordinator = await join(t, url, 'coordinator', 'c1');
  await coordinator.client.publish(t1.task('board-1'), 'again');
  assert.equal((await device.messages.count(1))[0]!.text, 'again');
});

test('what a broker that has fallen silent does not answer is rejected as every loss is', async (t) => {
  const { broker } = await startRig(t);
  const relay = await startRelay(t, broker);
  const { client, connections } = await join(t, relay.url, 'device', 'board-1', { keepaliveS: 1 });
  relay.silence();
  for (const asked of [
    client.publish(t1.presence('board-1'), 'x'),
    client.subscribe([t1.task('board-1')]),
    client.unsubscribe([t1.task('board-1')]),
  ])
    await assert.rejects(asked, { name: 'ConnectionLost', message: /the broker does not answer/ });
  await connections.count(3);
});

test('what has no answer when the connection goes is rejected, and not sent again', async (t) => {
  const { broker, url } = await startRig(t);
  const listener = await join(t, url, 'coordinator', 'c1', {
    connected: (c) => c.subscribe([t1.allPresence]),
  });
  const relay = await startRelay(t, broker);
  const device = await join(t, relay.url, 'device', 'board-1');
  relay.silence();
  const asked = [
    device.client.publish(t1.presence('board-1'), 'once'),
    device.client.subscribe([t1.task('board-1')]),
    device.client.unsubscribe([t1.task('board-1')]),
  ];
  const settled = Promise.allSettled(asked);
  await listener.messages.count(1);
  relay.cut();
  for (const result of await settled) {
    assert.equal(result.status, 'rejected');
    assert.equal((result as PromiseRejectedResult).reason.name, 'ConnectionLost');
  }
  await device.connections.count(3);
  await device.client.publish(t1.presence('board-1'), 'end');
  await listener.messages.find(({ text }) => text === 'end');
  assert.deepEqual(
    listener.messages.all.map(({ text }) => text),
    ['once', 'end'],
  );
});

test('a will is published when the connection is cut, none when the client stops', async (t) => {
  const { broker, url } = await startRig(t);
  const listener = await join(t, url, 'viewer', 'web', { connected: (c) => c.subscribe([t1.allPresence]) });
  const relay = await startRelay(t, broker);
  const will = { topic: t1.presence('board-1'), payload: Buffer.from('gone'), retain: true };
  const device = await join(t, relay.url, 'device', 'board-1', { will });
  relay.cut();
  await listener.messages.count(1);
  await device.connections.count(3);
  await device.client.stop();
  const other = await join(t, url, 'device', 'board-2');
  await other.client.publish(t1.presence('board-2'), 'end');
  await listener.messages.find(({ text }) => text === 'end');
  assert.deepEqual(
    listener.messages.all.map(({ text }) => text),
    ['gone', 'end'],
  );
});

test('a handler may await the broker’s answers however many messages wait', async (t) => {
  const { url } = await startRig(t);
  const maxPacketBytes = 1024; // The inbox holds back after 16 of them.
  const answers = new Events<string>();
  const device = await join(t, url, 'device', 'board-1', {
    maxPacketBytes,
    connected: (c) => c.subscribe([t1.task('board-1')]),
    message: async (_topic, payload) => {
      await device.client.publish(t1.telemetry('board-1'), payload.subarray(0, 4));
      answers.add(Buffer.from(payload.subarray(0, 4)).toString());
    },
  });
  const coordinator = await join(t, url, 'coordinator', 'c1');
  const sent = Array.from({ length: 300 }, (_, i) => String(i).padStart(4, '0'));
  await Promise.all(sent.map((name) => coordinator.client.publish(t1.task('board-1'), name.padEnd(900))));
  assert.deepEqual(await answers.count(300), sent);
});

test('a packet over the limit is not sent, and the connection stays', async (t) => {
  const { url } = await startRig(t);
  const { client } = await join(t, url, 'device', 'board-1');
  const topic = t1.telemetry('board-1');
  const room = options.maxPacketBytes - topic.length - 4;
  await assert.rejects(client.publish(topic, Buffer.alloc(room + 1)), {
    name: 'Refusal',
    message: /the limit is/,
  });
  await client.publish(topic, Buffer.alloc(room));
  await client.publish(topic, Buffer.alloc(room), { qos: 0 });
  assert.ok(client.connected);
});

test('a broker’s packet over the limit ends the connection with its reason', async (t) => {
  const { url } = await serve(t, (socket) => {
    socket.once('data', () => socket.write(Buffer.from([0x20, 2, 0, 0, 0x30, 0xff, 0xff, 0xff, 0x7f])));
  });
  const lost = new Events<string>();
  const client = await connectClient(settingsFor(url, 5), { ...nothing, disconnected: lost.add });
  t.after(() => client.stop());
  assert.match(
    (await lost.count(1))[0]!,
    /the broker sent a packet of \d+ bytes or more, the limit is 131072/,
  );
});

test('a client that is let in no more tells why, once', async (t) => {
  const attempts = new Events<number>();
  const { url } = await serve(t, (socket) =>
    socket.once('data', () => {
      attempts.add(attempts.all.length);
      if (attempts.all.length > 1) socket.write(Buffer.from([0x20, 2, 0, 5]));
      else socket.end(Buffer.from([0x20, 2, 0, 0]));
    }),
  );
  const refused: string[] = [];
  const client = await connectClient(settingsFor(url, 5), {
    ...nothing,
    refused: (reason) => void refused.push(reason),
  });
  t.after(() => client.stop());
  await attempts.count(4);
  assert.deepEqual(refused, ['Connection refused: Not authorized']);
});

test('what a handler throws is told', async (t) => {
  const { url } = await startRig(t);
  const failures = new Events<unknown>();
  const device = await join(t, url, 'device', 'board-1', {
    connected: (c) => c.subscribe([t1.task('board-1')]),
    failed: failures.add,
    message: () => {
      throw new Error('odd');
    },
  });
  const coordinator = await join(t, url, 'coordinator', 'c1');
  await coordinator.client.publish(t1.task('board-1'), 'x');
  assert.match(String((await failures.count(1))[0]), /odd/);
  assert.ok(device.client.connected);
});

test('a stopped client stays stopped, also in the middle of reconnecting', async (t) => {
  const broker = await startBroker(options, quiet);
  const device = await join(t, `mqtt://127.0.0.1:${broker.port}`, 'device', 'board-1');
  await broker.stop();
  await device.connections.count(2);
  await device.client.stop();
  await device.client.stop();
  await assert.rejects(device.client.publish(t1.presence('board-1'), 'x'), { name: 'ConnectionLost' });
  assert.equal(device.connections.all.length, 2);
});

test('waits between attempts double up to a bound, and half of each is chance', () => {
  assert.equal(
    backoffMs(0, () => 0),
    125,
  );
  assert.equal(
    backoffMs(3, () => 0),
    1000,
  );
  assert.equal(
    backoffMs(1000, () => 0),
    5000,
  );
  assert.equal(
    backoffMs(1000, () => 1),
    10_000,
  );
});
