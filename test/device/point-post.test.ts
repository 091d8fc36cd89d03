import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PointPost } from '../../device/point-post.js';
import { decode } from '../../schemas/codec.js';
import type { TelemetryBatch } from '../../schemas/messages.js';
import { Refusal } from '../../schemas/refusal.js';
import { watts } from '../telemetry/rig.js';

/** A wire that a broker acks at once, and what came over it. */
function wire() {
  const sent: TelemetryBatch[] = [];
  const publish = async (topic: string, payload: Uint8Array | string) => {
    sent.push(decode('TelemetryBatch', Buffer.from(payload), topic));
  };
  return { sent, publish };
}

test('a batch is done when its receipt has come, and no other’s', async () => {
  const { sent, publish } = wire();
  const post = new PointPost('f', 'd1', 60_000);
  let done = false;
  const sending = post.send({ publish }, watts(0, 3)).then(() => {
    done = true;
  });
  const [{ batch, points, deviceId }] = sent as [TelemetryBatch];
  assert.deepEqual([deviceId, points], ['d1', watts(0, 3)]);
  post.receipt({ batch: batch + 1, reason: '' });
  await new Promise(setImmediate);
  assert.equal(done, false);
  post.receipt({ batch, reason: '' });
  await sending;
  post.receipt({ batch, reason: '' }); // Twice: nothing changes.
});

test('while no coordinator answers a batch is not done', async () => {
  await assert.rejects(new PointPost('f', 'd1', 1).send(wire(), watts(0, 1)), /no coordinator answered/);
});

test('a coordinator that takes none now says why', async () => {
  const { sent, publish } = wire();
  const post = new PointPost('f', 'd1', 60_000);
  const sending = post.send({ publish }, watts(0, 1));
  post.receipt({ batch: sent[0]!.batch, reason: 'too many points wait here' });
  await assert.rejects(sending, /the coordinator takes no points: too many points wait here/);
});

test('a connection that ends leaves no batch waiting', async () => {
  const post = new PointPost('f', 'd1', 60_000);
  const sending = post.send(wire(), watts(0, 1));
  post.lost('the broker is gone');
  await assert.rejects(sending, /the broker is gone/);
});

test('points that no message can carry are refused', async () => {
  const [point] = watts(0, 1);
  const post = new PointPost('f', 'd1', 60_000);
  await assert.rejects(post.send(wire(), [{ ...point!, measurement: 'no name' }]), Refusal);
});
