import assert from 'node:assert/strict';
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startBroker } from '../../broker/server.js';
import { createLog } from '../../runtime/log.js';
import type { Receipt } from '../../schemas/messages.js';
import { options, startRelay, startRig } from '../broker/rig.js';
import { type DeviceChanges, deviceFolder, startDevice } from './device-rig.js';
import { taskOf, tensorsOf } from './fixtures.js';
import { type Answer, startCoordinator } from './scripted-coordinator.js';

const brokerLimits = { maxPacketBytes: 2 ** 20, maxSubscriptions: 30 };
/** An update of so many chunks of 1 KiB, and a little. */
const chunks = 40;

/** A fleet whose coordinator answers chunks as the test says; a device that was told a task. */
async function startUpload(t: TestContext, answer: Answer, changes: DeviceChanges = {}) {
  const { broker, url } = await startRig(t, brokerLimits);
  const relay = await startRelay(t, broker);
  const coordinator = await startCoordinator(t, url);
  coordinator.answer = answer;
  const at = deviceFolder();
  const device = await startDevice(t, relay.url, at, changes);
  const { sha256: baseSha256 } = await coordinator.publishAdapter('r1', 0, tensorsOf(chunks * 256));
  const task = taskOf({}, { modelSha256: device.modelSha256, baseSha256 });
  await coordinator.tell('d1', task);
  return { broker, relay, url, coordinator, at, device, task };
}

const honestly: Answer = (_chunk, honest) => [honest];
const accepted = ({ message }: Record<string, unknown>) => message === 'update accepted';

test('an update goes up in batches, and each chunk once', async (t) => {
  const { coordinator, device } = await startUpload(t, honestly);
  await device.logged.find(accepted);
  const sent = coordinator.chunks.all.map(({ index }) => index);
  assert.deepEqual(
    sent,
    sent.map((_, i) => i),
  );
  assert.ok(sent.length > chunks);
});

test('a receipt that is lost is asked for, and nothing is trained again', async (t) => {
  const lost = new Set([1, 6, chunks]);
  const answer: Answer = (_chunk, honest, seen) => (lost.delete(seen) ? [] : [honest]);
  const { coordinator, device } = await startUpload(t, answer, { limits: { silentMs: 150 } });
  await device.logged.find(accepted);
  assert.equal(lost.size, 0);
  assert.equal(coordinator.updates.all.length, 1);
  assert.equal(device.trainer.jobs.all.length, 1);
});

test('receipts that are late, doubled, of another update or out of order change nothing', async (t) => {
  let before: Receipt | undefined;
  const answer: Answer = (_chunk, honest) => {
    const stale = before ?? honest;
    before = honest;
    const foreign: Receipt = { ...honest, sha256: 'd'.repeat(64), state: 'refused', reason: 'not ours' };
    const other: Receipt = { ...honest, key: { ...honest.key, run: 'r0' }, state: 'accepted' };
    return [foreign, other, honest, stale, { ...stale, nextChunk: 0, state: 'receiving' }, honest];
  };
  const { coordinator, device } = await startUpload(t, answer);
  await device.logged.find(accepted);
  assert.equal(coordinator.updates.all.length, 1);
});

test('a coordinator that lost its part gets all again', async (t) => {
  let forgot = false;
  const { coordinator, device } = await startUpload(
    t,
    (chunk, honest) => {
      if (chunk.index === 10) forgot = true;
      // From chunk 10 on it says that it has nothing, until chunk 0 comes again.
      if (forgot && chunk.index !== 0) return [{ ...honest, state: 'receiving', nextChunk: 0 }];
      if (forgot && chunk.index === 0) forgot = false;
      return [{ ...honest, state: 'receiving', nextChunk: chunk.index + 1 }];
    },
    { limits: { silentMs: 150 } },
  );
  await coordinator.chunks.find((chunk) => chunk.index === 0 && coordinator.chunks.all.indexOf(chunk) > 0);
  coordinator.answer = honestly;
  await device.logged.find(accepted);
});

test('a coordinator that was restarted and tells the task again is answered at once', async (t) => {
  const deaf: Answer = (chunk, honest) => (chunk.index < 10 ? [honest] : []);
  const { coordinator, device, task } = await startUpload(t, deaf, { limits: { silentMs: 60_000 } });
  await coordinator.chunks.find(({ index }) => index === 10);
  coordinator.answer = honestly;
  await coordinator.tell('d1', task);
  await device.logged.find(accepted);
  assert.equal(device.trainer.jobs.all.length, 1);
});

test('a refusal ends the upload at once', async (t) => {
  const refuse: Answer = (_chunk, honest) => [{ ...honest, state: 'refused', reason: 'the round is closed' }];
  const { coordinator, device } = await startUpload(t, refuse);
  const { reason } = await device.logged.find(({ message }) => message === 'update refused');
  assert.equal(reason, 'the round is closed');
  assert.equal(coordinator.chunks.all.length, 1);
});

test('a connection that breaks in mid-upload is gone on with', async (t) => {
  const { coordinator, relay, device } = await startUpload(t, honestly);
  await coordinator.chunks.find(({ index }) => index === 7);
  relay.cut();
  await device.logged.find(accepted);
  assert.ok(coordinator.chunks.all.length < chunks + 20, `${coordinator.chunks.all.length} chunks`);
  assert.equal(device.trainer.jobs.all.length, 1);
});

test('a broker that restarts in mid-upload costs neither training nor what was received', async (t) => {
  const cut = (limit: number): Answer => {
    let seen = 0;
    return (_chunk, honest) => (++seen > limit ? [] : [honest]);
  };
  const { broker, url } = await startRig(t, brokerLimits);
  const { port } = broker;
  const coordinator = await startCoordinator(t, url);
  coordinator.answer = cut(12);
  const device = await startDevice(t, url, deviceFolder(), { limits: { silentMs: 1_000 } });
  const { sha256: baseSha256 } = await coordinator.publishAdapter('r1', 0, tensorsOf(chunks * 256));
  await coordinator.tell('d1', taskOf({}, { modelSha256: device.modelSha256, baseSha256 }));
  await coordinator.chunks.count(13);
  await broker.stop();
  coordinator.answer = honestly;
  const again = await startBroker(
    { ...options, ...brokerLimits, port },
    createLog('broker', () => {}),
  );
  t.after(() => again.stop());
  await device.logged.find(accepted);
  assert.equal(device.trainer.jobs.all.length, 1);
  const first = coordinator.chunks.all.filter(({ index }) => index === 0);
  assert.equal(first.length, 1);
});

test('a device that was killed offers what it had finished, from where the upload stood', async (t) => {
  const deaf: Answer = (chunk, honest) => (chunk.index < 20 ? [honest] : []);
  const { url, coordinator, at, device, task } = await startUpload(t, deaf);
  await coordinator.chunks.find(({ index }) => index === 20);
  await device.agent.stop(); // Its disk is all that is left of it, as after a kill.
  const sent = coordinator.chunks.all.length;
  coordinator.answer = honestly;
  const revived = await startDevice(t, url, at);
  await coordinator.tell('d1', task);
  await revived.logged.find(accepted);
  assert.equal(revived.trainer.jobs.all.length, 0);
  const later = coordinator.chunks.all.slice(sent).map(({ index }) => index);
  assert.equal(later[0], 0);
  assert.ok(later[1]! >= 20, `went on at ${later[1]}`);
});

test('an update that is damaged on disk is not offered: the task is done again', async (t) => {
  const { url, coordinator, at, device, task } = await startUpload(t, () => []);
  await coordinator.chunks.count(1);
  await device.agent.stop();
  truncateSync(join(at.state, 'finished.update'), 100);
  coordinator.answer = honestly;
  const revived = await startDevice(t, url, at);
  await coordinator.tell('d1', task);
  await revived.logged.find(accepted);
  assert.equal(revived.trainer.jobs.all.length, 1);
});

test('an upload that nobody answers waits on disk, and is offered when the task is told again', async (t) => {
  const { coordinator, device, task } = await startUpload(t, () => [], {
    limits: { silentMs: 500, maxSilences: 1 },
  });
  await device.logged.find(({ message }) => message === 'update kept: no coordinator answers');
  coordinator.answer = honestly;
  await coordinator.tell('d1', task);
  await device.logged.find(accepted);
  assert.equal(device.trainer.jobs.all.length, 1);
});
