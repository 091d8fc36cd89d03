import assert from 'node:assert/strict';
import { test } from 'node:test';
import mqtt from 'mqtt-packet';
import { topicsOf } from '../../schemas/topics.js';
import { connectPacket, join, openSocket, startRig } from './rig.js';

const t1 = topicsOf('default');

test('a publish that its role may not make is acknowledged, counted, logged and not delivered', async (t) => {
  const { broker, logged, url } = await startRig(t);
  const listener = await join(t, url, 'operator', 'op', { connected: (c) => c.subscribe(['#']) });
  const device = await join(t, url, 'device', 'board-1');
  const viewer = await join(t, url, 'viewer', 'web');
  const denied: [typeof device, string][] = [
    [device, t1.presence('board-2')],
    [device, t1.task('board-1')],
    [device, t1.roundsStart],
    [device, t1.manifest('run-1', 1)],
    [device, 'elsewhere'],
    [device, '$SYS/heartbeat'],
    [viewer, t1.presence('web')],
    [viewer, t1.roundsStart],
    [listener, t1.task('board-1')],
  ];
  for (const [{ client }, topic] of denied) await client.publish(topic, 'no', { retain: true });
  await device.client.publish(t1.presence('board-1'), 'yes');
  assert.deepEqual(
    (await listener.messages.count(1)).map(({ text }) => text),
    ['yes'],
  );
  assert.equal(broker.counters.deniedPublishes, denied.length);
  await logged.find(({ message, client }) => message === 'publish denied' && client === 'board-1');
  // Nothing of it was retained either.
  const late = await join(t, url, 'operator', 'late', { connected: (c) => c.subscribe(['#']) });
  await device.client.publish(t1.presence('board-1'), 'end');
  await late.messages.find(({ text }) => text === 'end');
  assert.equal(late.messages.all.length, 1);
});

test('a retained trigger reaches nobody, and who sent it hears why', async (t) => {
  const { logged, url } = await startRig(t);
  const coordinator = await join(t, url, 'coordinator', 'c1', {
    connected: (c) => c.subscribe([t1.roundsStart, t1.roundsStop]),
  });
  const operator = await join(t, url, 'operator', 'op', {
    connected: (c) => c.subscribe([t1.roundsRefused]),
  });
  for (const topic of [t1.roundsStart, t1.roundsStop]) {
    await operator.client.publish(topic, '{"rounds":2}', { retain: true });
    await logged.find((line) => line.topic === topic && /a retained trigger/.test(String(line.problem)));
  }
  for (const { text, retained } of await operator.messages.count(2)) {
    const { id, reason, at } = JSON.parse(text);
    assert.deepEqual([id, reason], [null, 'a retained trigger: send it without retain']);
    assert.ok(!retained && Number.isFinite(Date.parse(at)));
  }
  await operator.client.publish(t1.roundsStart, 'end');
  assert.deepEqual(
    (await coordinator.messages.count(1)).map(({ text }) => text),
    ['end'],
  );
});

test('a viewer whose trigger is dropped finds in the log what would do', async (t) => {
  const { logged, url } = await startRig(t);
  const { client } = await join(t, url, 'viewer', 'web');
  await client.publish(t1.roundsStart, '');
  const { problem } = await logged.find(({ message }) => message === 'publish denied');
  assert.match(String(problem), /^not for a viewer: runs are started and stopped by the user name operator$/);
});

test('an operator clears the presence of a board that is gone, and writes none', async (t) => {
  const { broker, url } = await startRig(t);
  const device = await join(t, url, 'device', 'board-1');
  await device.client.publish(t1.presence('board-1'), 'here', { retain: true });
  const { client } = await join(t, url, 'operator', 'op');
  await client.publish(t1.presence('board-1'), 'no', { retain: true });
  await client.publish(t1.presence('board-1'), '');
  assert.equal(broker.counters.deniedPublishes, 2);
  await client.publish(t1.presence('board-1'), '', { retain: true });
  const late = await join(t, url, 'viewer', 'late', { connected: (c) => c.subscribe([t1.allPresence]) });
  await device.client.publish(t1.presence('board-1'), 'end');
  assert.deepEqual(
    (await late.messages.count(1)).map(({ text }) => text),
    ['end'],
  );
});

test('a subscription that its role may not make is refused, those beside it are not', async (t) => {
  const { broker, url } = await startRig(t);
  const coordinator = await join(t, url, 'coordinator', 'coordinator-1');
  const device = await join(t, url, 'device', 'board-1');
  for (const filter of ['#', t1.allPresence, t1.task('board-2'), t1.everything, t1.roundsStart, '$SYS/#'])
    await assert.rejects(device.client.subscribe([filter]), {
      name: 'Refusal',
      message: /refuses a subscription/,
    });
  await assert.rejects(device.client.subscribe([t1.task('board-1'), '#']), /refuses a subscription to #$/);
  assert.equal(broker.counters.deniedSubscriptions, 7);
  await coordinator.client.publish(t1.receipt('board-1'), 'not asked for');
  await coordinator.client.publish(t1.task('board-1'), 'asked for');
  assert.equal((await device.messages.count(1))[0]!.text, 'asked for');
});

test('a denied client does not fill the log', async (t) => {
  const { logged, url } = await startRig(t);
  const { client } = await join(t, url, 'viewer', 'web');
  for (let i = 0; i < 100; i++) await client.publish(t1.roundsStart, '');
  const lines = logged.all.filter(({ message }) => message === 'publish denied');
  assert.deepEqual(
    lines.map(({ count }) => count),
    [1, 2, 4, 8, 16, 32, 64],
  );
});

test('what is not to be retained is not delivered with retain', async (t) => {
  const { logged, url } = await startRig(t);
  const listener = await join(t, url, 'operator', 'op', { connected: (c) => c.subscribe(['#']) });
  const { client } = await join(t, url, 'device', 'board-1');
  await client.publish(t1.telemetry('board-1'), 'kept', { retain: true });
  const { problem } = await logged.find(({ message }) => message === 'publish denied');
  assert.equal(problem, 'it is not to be retained: send it without retain');
  await client.publish(t1.telemetry('board-1'), 'end');
  assert.deepEqual(
    (await listener.messages.count(1)).map(({ text }) => text),
    ['end'],
  );
});

test('a retained message waits for who comes late, until an empty one clears it', async (t) => {
  const { url } = await startRig(t);
  const coordinator = await join(t, url, 'coordinator', 'coordinator-1');
  const { client } = coordinator;
  await client.publish(t1.manifest('run-1', 1), 'one', { retain: true });
  await client.publish(t1.manifest('run-1', 2), 'two', { retain: true });
  await client.publish(t1.manifest('run-1', 1), '', { retain: true });
  const device = await join(t, url, 'device', 'board-1', {
    connected: (c) => c.subscribe([t1.allManifests]),
  });
  assert.deepEqual(await device.messages.count(1), [
    { topic: t1.manifest('run-1', 2), text: 'two', retained: true },
  ]);
});

test('who goes while it is sent what was retained is sent no more of it', async (t) => {
  const { broker, url, logged } = await startRig(t, {
    clientPacketsPerS: 10_000,
    addressPacketsPerS: 10_000,
  });
  const { client } = await join(t, url, 'coordinator', 'c1');
  const chunks = Array.from({ length: 300 }, (_, i) => t1.adapterChunk('run-1', 1, i));
  for (const chunk of chunks) await client.publish(chunk, 'x'.repeat(1000), { retain: true });
  const filter = `${t1.adapterChunk('run-1', 1, 0).slice(0, -1)}+`;
  const { socket, received } = await openSocket(t, broker);
  socket.write(connectPacket({ id: 'web', username: 'viewer' }));
  const subscriptions = [{ topic: filter, qos: 1 as const }];
  socket.write(mqtt.generate({ cmd: 'subscribe', messageId: 1, subscriptions }));
  await received.find((bytes) => bytes.includes('xxx'));
  socket.destroy();
  const other = await join(t, url, 'viewer', 'other', { connected: (c) => c.subscribe([filter]) });
  await other.messages.count(chunks.length); // The broker took as long for the one that went.
  const lost = logged.all.filter(({ message }) => message === 'client lost');
  assert.ok(lost.length <= 1, `${lost.length} lines`);
});

test('retained messages together stay under their limit, and what is cleared makes room', async (t) => {
  const { broker, url } = await startRig(t, { maxRetainedBytes: 100 });
  const { client } = await join(t, url, 'coordinator', 'coordinator-1');
  const retained = { retain: true };
  await client.publish(t1.manifest('run-1', 1), 'x'.repeat(60), retained);
  await client.publish(t1.manifest('run-1', 2), 'x'.repeat(60), retained);
  assert.equal(broker.counters.deniedPublishes, 1);
  await client.publish(t1.manifest('run-1', 1), 'x'.repeat(90), retained);
  await client.publish(t1.manifest('run-1', 1), '', retained);
  await client.publish(t1.manifest('run-1', 2), 'x'.repeat(100), retained);
  assert.equal(broker.counters.deniedPublishes, 1);
});

test('a device leaves little retained, in whatever fleets, and leaves the others their room', async (t) => {
  const { broker, url } = await startRig(t, { maxDeviceRetainedBytes: 1000 });
  const { client } = await join(t, url, 'device', 'board-1');
  const presence = (fleet: string) => topicsOf(fleet).presence('board-1');
  const bytes = 500 - presence('a').length;
  await client.publish(presence('a'), 'x'.repeat(bytes), { retain: true });
  await client.publish(presence('b'), 'x'.repeat(bytes), { retain: true });
  await client.publish(presence('b'), 'y'.repeat(bytes), { retain: true });
  assert.equal(broker.counters.deniedPublishes, 0);
  await client.publish(presence('c'), 'x', { retain: true });
  assert.equal(broker.counters.deniedPublishes, 1);
  await client.publish(presence('a'), '', { retain: true });
  await client.publish(presence('c'), 'x', { retain: true });
  const other = await join(t, url, 'device', 'board-2');
  await other.client.publish(t1.presence('board-2'), 'x', { retain: true });
  assert.equal(broker.counters.deniedPublishes, 1);
});

test('a client holds at most so many subscriptions, and may exchange them', async (t) => {
  const { url } = await startRig(t, { maxSubscriptions: 2 });
  const { client } = await join(t, url, 'device', 'board-1');
  const chunk = (index: number) => t1.adapterChunk('run-1', 1, index);
  await client.subscribe([chunk(0), chunk(1)]);
  await client.subscribe([chunk(1)]);
  await assert.rejects(client.subscribe([chunk(2)]), { name: 'Refusal' });
  await client.unsubscribe([chunk(0)]);
  await client.subscribe([chunk(2)]);
});
