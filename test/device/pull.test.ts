import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { AdapterPiece } from '../../device/download.js';
import { Link, type Wire } from '../../device/link.js';
import { Mailbox } from '../../device/mailbox.js';
import { type PullParts, pullAdapter } from '../../device/pull.js';
import { decode } from '../../schemas/codec.js';
import { encodeSafetensors } from '../../schemas/tensors.js';
import { matchTopic, topicsOf } from '../../schemas/topics.js';
import { Events, join, startRelay, startRig } from '../broker/rig.js';
import { tensorsOf } from './fixtures.js';
import { sha256Of, startCoordinator } from './scripted-coordinator.js';

const topics = topicsOf('test');
const never = new AbortController().signal;

/** A device's side of a pull at a real broker: what it subscribes to is counted. */
async function startPuller(t: TestContext, url: string, changes: Partial<PullParts> = {}) {
  const link = new Link();
  const mailbox = new Mailbox<AdapterPiece>(64);
  const asked = new Events<readonly string[]>();
  const { client, connections } = await join(t, url, 'device', 'd1', {
    maxPacketBytes: 2 ** 20,
    connected: (connection) => {
      const wire: Wire = {
        get connected() {
          return connection.connected;
        },
        publish: (...given) => connection.publish(...given),
        unsubscribe: (filters) => connection.unsubscribe(filters),
        subscribe: (filters) => {
          asked.add(filters);
          return connection.subscribe(filters);
        },
      };
      link.up(wire);
    },
    disconnected: (reason) => link.down(reason),
    message: (topic, payload) => {
      const kind = matchTopic(topic)?.kind;
      const payloadBytes = payload.length;
      if (kind === 'manifest')
        mailbox.put({ kind, manifest: decode('Manifest', payload, topic), payloadBytes });
      else mailbox.put({ kind: 'chunk', chunk: decode('Chunk', payload, topic), payloadBytes });
    },
  });
  const parts = {
    link,
    mailbox,
    topics,
    maxAdapterBytes: 2 ** 24,
    silentMs: 5_000,
    maxSilences: 3,
    ...changes,
  };
  return { parts, asked, client, connections };
}

test('an adapter comes in batches of chunks that double up to 16, and byte for byte', async (t) => {
  const { url } = await startRig(t, { maxPacketBytes: 2 ** 20, maxSubscriptions: 20 });
  const coordinator = await startCoordinator(t, url);
  const tensors = tensorsOf(10_000);
  const { sha256, count } = await coordinator.publishAdapter('r1', 3, tensors);
  const { parts, asked } = await startPuller(t, url);
  const { bytes, payloadBytes } = await pullAdapter({ run: 'r1', version: 3, sha256 }, parts, never);
  assert.deepEqual(bytes, Buffer.from(encodeSafetensors(tensors)));
  assert.ok(payloadBytes > bytes.length);
  const sizes = asked.all.map((filters) => filters.length);
  assert.deepEqual(sizes, [1, 1, 2, 4, 8, 16, count - 31]);
});

test('a version that is not there yet is waited for, a late chunk is asked for again', async (t) => {
  const { url } = await startRig(t, { maxPacketBytes: 2 ** 20 });
  const coordinator = await startCoordinator(t, url);
  const { parts, asked } = await startPuller(t, url, { silentMs: 100, maxSilences: 50 });
  const tensors = tensorsOf(1_000);
  const sha256 = sha256Of(encodeSafetensors(tensors));
  const pulling = pullAdapter({ run: 'r1', version: 1, sha256 }, parts, never);
  await asked.count(2); // The manifest was asked for twice.
  await coordinator.publishAdapter('r1', 1, tensors, 1024, (chunk) =>
    chunk.index === 2 ? undefined : chunk,
  );
  const late = topics.adapterChunk('r1', 1, 2);
  await asked.find((filters) => filters[0] === late && filters.length === 1);
  await coordinator.publishAdapter('r1', 1, tensors);
  assert.equal(sha256Of((await pulling).bytes), sha256);
});

test('a lost connection costs no chunk that was there', async (t) => {
  const { broker, url } = await startRig(t, { maxPacketBytes: 2 ** 20 });
  const relay = await startRelay(t, broker);
  const coordinator = await startCoordinator(t, url);
  const { sha256, count } = await coordinator.publishAdapter('r1', 1, tensorsOf(10_000));
  const { parts, asked } = await startPuller(t, relay.url);
  const pulling = pullAdapter({ run: 'r1', version: 1, sha256 }, parts, never);
  await asked.find((filters) => filters.length === 4);
  relay.cut();
  assert.equal(sha256Of((await pulling).bytes), sha256);
  const chunks = asked.all.flat().length - 1;
  assert.ok(chunks <= count + 4, `${chunks} chunks were asked for, of ${count}`);
});

test('chunks of another adapter or of a wrong length are not taken', async (t) => {
  const { url } = await startRig(t, { maxPacketBytes: 2 ** 20 });
  const coordinator = await startCoordinator(t, url);
  const { parts } = await startPuller(t, url, { silentMs: 50, maxSilences: 1 });
  const harm = (version: number, change: object) =>
    coordinator.publishAdapter('r1', version, tensorsOf(1_000), 1024, (chunk) => ({ ...chunk, ...change }));
  const pull = (version: number, sha256: string) => pullAdapter({ run: 'r1', version, sha256 }, parts, never);
  const { sha256 } = await harm(1, { sha256: 'c'.repeat(64) });
  await assert.rejects(pull(1, sha256), /version 1 of run r1 did not come: its chunks are not at the broker/);
  await harm(2, { data: new Uint8Array(1023) });
  await assert.rejects(pull(2, sha256), /did not come/);
  await harm(3, {});
  await assert.rejects(pull(3, 'd'.repeat(64)), /its manifest is not at the broker/);
});

test('bytes that are not those of the hash are not believed', async (t) => {
  const { url } = await startRig(t, { maxPacketBytes: 2 ** 20 });
  const coordinator = await startCoordinator(t, url);
  const { parts } = await startPuller(t, url, { maxSilences: 1 });
  const { sha256 } = await coordinator.publishAdapter('r1', 1, tensorsOf(1_000), 1024, (chunk) => ({
    ...chunk,
    data: new Uint8Array(chunk.data.length),
  }));
  await assert.rejects(pullAdapter({ run: 'r1', version: 1, sha256 }, parts, never), /did not come/);
});

test('an adapter over the limit is refused at its manifest, one at the limit is taken', async (t) => {
  const { url } = await startRig(t, { maxPacketBytes: 2 ** 20 });
  const coordinator = await startCoordinator(t, url);
  const { sha256, totalBytes } = await coordinator.publishAdapter('r1', 1, tensorsOf(1_000));
  const { parts, asked } = await startPuller(t, url);
  const wanted = { run: 'r1', version: 1, sha256 };
  const pull = (maxAdapterBytes: number) => pullAdapter(wanted, { ...parts, maxAdapterBytes }, never);
  await assert.rejects(pull(totalBytes - 1), /maxAdapterBytes/);
  assert.equal(asked.all.length, 1);
  assert.equal((await pull(totalBytes)).bytes.length, totalBytes);
});

test('an abort ends a pull with its reason, and its subscriptions', async (t) => {
  const { url } = await startRig(t, { maxPacketBytes: 2 ** 20 });
  const { parts, asked } = await startPuller(t, url);
  const abort = new AbortController();
  const pulling = pullAdapter({ run: 'r1', version: 1, sha256: 'd'.repeat(64) }, parts, abort.signal);
  await asked.count(1);
  abort.abort(new Error('cancelled'));
  await assert.rejects(pulling, /^Error: cancelled$/);
});
