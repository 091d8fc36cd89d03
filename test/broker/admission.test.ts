import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { topicsOf } from '../../schemas/topics.js';
import { connectPacket, join, openSocket, startRig } from './rig.js';

const t1 = topicsOf('default');
/** CONNACK with a code [MQTT 3.1.1, 3.2]. */
const connack = (code: number) => Buffer.from([0x20, 2, 0, code]);

test('the will of a client that was killed is published and retained', async (t) => {
  const { broker, url } = await startRig(t);
  const listener = await join(t, url, 'viewer', 'web', { connected: (c) => c.subscribe([t1.allPresence]) });
  const { socket, received } = await openSocket(t, broker);
  const will = { topic: t1.presence('board-1'), payload: Buffer.from('gone') };
  socket.write(connectPacket({ id: 'board-1', username: 'device', will }));
  assert.deepEqual(await received.find(() => true), connack(0));
  socket.destroy();
  assert.equal((await listener.messages.count(1))[0]!.text, 'gone');
  const late = await join(t, url, 'viewer', 'late', { connected: (c) => c.subscribe([t1.allPresence]) });
  assert.deepEqual((await late.messages.count(1))[0], { topic: will.topic, text: 'gone', retained: true });
});

test('a client whose will is not for its role is refused, and its will published by nobody', async (t) => {
  const { broker, logged, url } = await startRig(t);
  const listener = await join(t, url, 'operator', 'op', { connected: (c) => c.subscribe(['#']) });
  const payload = Buffer.from('gone');
  const wills: [username: string, topic: string][] = [
    ['device', t1.presence('board-2')],
    ['device', t1.telemetry('board-1')],
    ['operator', t1.roundsStart],
    ['coordinator', t1.roundsStatus],
  ];
  for (const [username, topic] of wills) {
    const { socket, received, closed } = await openSocket(t, broker);
    socket.write(connectPacket({ id: 'board-1', username, will: { topic, payload } }));
    assert.deepEqual(await received.find(() => true), connack(5));
    await closed;
    await logged.find((line) => line.problem === `a will on ${topic} is not for a ${username}`);
  }
  await listener.client.publish(t1.roundsStart, 'end');
  assert.deepEqual(
    (await listener.messages.count(1)).map(({ text }) => text),
    ['end'],
  );
});

test('a session is its identity’s: the newer of the same stays, others with its client id are beside it', async (t) => {
  const { broker } = await startRig(t);
  const older = await openSocket(t, broker);
  older.socket.write(connectPacket({ id: 'board-1', username: 'device' }));
  await older.received.count(1);
  const other = await openSocket(t, broker);
  other.socket.write(connectPacket({ id: 'board-1', username: 'viewer' }));
  assert.deepEqual(await other.received.find(() => true), connack(0));
  const newer = await openSocket(t, broker);
  newer.socket.write(connectPacket({ id: 'board-1', username: 'device' }));
  assert.deepEqual(await newer.received.find(() => true), connack(0));
  await older.closed;
  assert.ok(newer.socket.writable && other.socket.writable);
});

test('an unknown role, a device id that is no name, and a session without an id are refused', async (t) => {
  const { broker } = await startRig(t);
  const answers: [Buffer, number][] = [
    [connectPacket({ id: 'a', username: 'root' }), 4],
    [connectPacket({ id: 'a/b', username: 'device' }), 2],
    [connectPacket({ id: '', username: 'device' }), 0], // Aedes gives it a name of its own.
    [connectPacket({ id: '', clean: false }), 2],
    [connectPacket({ id: '__proto__' }), 0],
  ];
  for (const [packet, code] of answers) {
    const { socket, received } = await openSocket(t, broker);
    socket.write(packet);
    assert.deepEqual(await received.find(() => true), connack(code));
  }
});

test('without a user name a client on this machine is an operator, as mosquitto_pub is', async (t) => {
  const { broker, url } = await startRig(t);
  const coordinator = await join(t, url, 'coordinator', 'c1', {
    connected: (c) => c.subscribe([t1.roundsStart]),
  });
  const mosquitto = promisify(execFile);
  try {
    const where = ['-h', '127.0.0.1', '-p', String(broker.port)];
    await mosquitto('mosquitto_pub', [...where, '-t', t1.roundsStart, '-m', '{"rounds":5}', '-q', '1']);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    t.diagnostic('mosquitto_pub is not installed: a raw socket says the same');
    const { socket, received } = await openSocket(t, broker);
    socket.write(connectPacket({ id: 'any' }));
    await received.count(1);
    const topic = Buffer.from(t1.roundsStart);
    const body = Buffer.concat([Buffer.from([0, topic.length]), topic, Buffer.from('{"rounds":5}')]);
    socket.write(Buffer.concat([Buffer.from([0x30, body.length]), body]));
  }
  assert.equal((await coordinator.messages.count(1))[0]!.text, '{"rounds":5}');
});
