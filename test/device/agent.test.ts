import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Task } from '../../schemas/messages.js';
import { Refusal } from '../../schemas/refusal.js';
import { topicsOf } from '../../schemas/topics.js';
import { startRelay, startRig } from '../broker/rig.js';
import { brokerLimits, startFleet } from './agent-rig.js';
import { deviceFolder, FakeTrainer, startDevice } from './device-rig.js';
import { startCoordinator } from './scripted-coordinator.js';

test('a device announces what it holds, and says goodbye', async (t) => {
  const { coordinator, device } = await startFleet(t);
  const birth = await coordinator.presences.find((p) => p.online);
  assert.deepEqual(
    { ...birth, session: 0 },
    {
      deviceId: 'd1',
      session: 0,
      online: true,
      modelSha256: device.modelSha256,
      trainExamples: 5,
      evaluationExamples: 3,
      version: '0.0.0',
      problem: '',
      powerSource: 'none',
    },
  );
  await device.agent.stop();
  const death = await coordinator.presences.find((p) => !p.online);
  assert.equal(death.session, birth.session);
});

test('a device that is stopped gives back what it was asked, and keeps nothing of it', async (t) => {
  const trainer = new FakeTrainer();
  trainer.held = true;
  const { url, coordinator, device, at, task } = await startFleet(t, { trainer });
  await coordinator.tell('d1', task());
  await trainer.jobs.count(1);
  await device.agent.stop();
  const { online, stopped } = coordinator.presences.all.at(-1)!;
  assert.deepEqual({ online, stopped }, { online: false, stopped: true });
  assert.deepEqual(coordinator.updates.all, []);
  const again = await startDevice(t, url, at);
  await coordinator.presences.find((p) => p.online && p.session > coordinator.presences.all[0]!.session);
  await coordinator.tell('d1', task());
  assert.equal((await coordinator.updates.count(1))[0]?.failure, '', 'told again, it does the task');
  assert.equal(again.trainer.jobs.all.length, 1);
});

test('a device whose update waits on disk gives nothing back: it offers it when it is there again', async (t) => {
  const { url, coordinator, device, at, task } = await startFleet(t);
  coordinator.answer = () => [];
  await coordinator.tell('d1', task());
  await coordinator.chunks.count(1);
  await device.agent.stop();
  const { online, stopped } = coordinator.presences.all.at(-1)!;
  assert.deepEqual({ online, stopped }, { online: false, stopped: undefined });
  coordinator.answer = (_chunk, honest) => [honest];
  await startDevice(t, url, at);
  assert.equal((await coordinator.updates.count(1))[0]?.failure, '');
});

test('an update that is on its way arrives before a device that is stopped goes', async (t) => {
  const { coordinator, device, task } = await startFleet(t);
  const held: (() => void)[] = [];
  coordinator.answer = (_chunk, honest, seen) => {
    if (seen > 1) return [honest];
    held.push(() => void coordinator.send('d1', honest));
    return [];
  };
  await coordinator.tell('d1', task());
  await coordinator.chunks.count(1);
  const stopped = device.agent.stop();
  held[0]!();
  await stopped;
  assert.deepEqual(
    coordinator.updates.all.map(({ failure }) => failure),
    [''],
  );
  assert.ok(device.logged.all.some(({ message }) => message === 'update accepted'));
});

test('points that its telemetry dropped are announced, for the operator to see', async (t) => {
  let dropped = 0;
  const { coordinator } = await startFleet(t, { recheckMs: 10, droppedPoints: () => dropped });
  const birth = await coordinator.presences.find((p) => p.online);
  assert.equal(birth.droppedPoints, undefined);
  dropped = 17;
  await coordinator.presences.find((p) => p.droppedPoints === 17);
});

test('what it says of itself follows what it is about', async (t) => {
  const trainer = new FakeTrainer();
  trainer.held = true;
  const { coordinator, device, task } = await startFleet(t, { trainer });
  const idle = {
    ...{ version: '0.0.0', trainExamples: 5, ready: true, problem: '', busy: false, waitingUpdates: 0 },
  };
  assert.deepEqual(device.agent.condition, idle);
  coordinator.answer = () => [];
  await coordinator.tell('d1', task());
  await trainer.jobs.count(1);
  assert.deepEqual(device.agent.condition, { ...idle, busy: true });
  trainer.release();
  await coordinator.chunks.find(() => true);
  assert.deepEqual(device.agent.condition, { ...idle, waitingUpdates: 1 });
});

test('no part of a file that is no shard leaves the device, whatever is told of it', async (t) => {
  const { coordinator, at, device, task } = await startFleet(t);
  const files = [
    'Anna: my PIN, 4711\nBen: ok, bye\n',
    '[{"Anna": PIN}]',
    'dialogue,summary\nAnna: PIN 4711\n',
  ];
  for (const [i, text] of files.entries()) {
    writeFileSync(at.data, text);
    await coordinator.tell('d1', task({ round: i + 1 }));
    await coordinator.updates.find(({ key, failure }) => key.round === i + 1 && failure !== '');
    await coordinator.presences.find(({ problem }) => problem !== '');
  }
  const { updates, presences } = coordinator;
  const told = JSON.stringify([updates.all, presences.all, device.logged.all, device.points.all]);
  assert.doesNotMatch(told, /Anna|PIN|4711/);
});

test('init makes an adapter of nothing; evaluate takes as many held-out examples as told', async (t) => {
  const { coordinator, device, task } = await startFleet(t);
  await coordinator.tell('d1', task({ round: 0, kind: 'init' }, { baseSha256: '' }));
  const made = await coordinator.updates.find(({ key }) => key.kind === 'init');
  assert.equal(made.tensors.length, 1);
  await coordinator.tell('d1', task());
  await coordinator.updates.find(({ key }) => key.kind === 'train');
  await coordinator.tell('d1', task({ kind: 'evaluate' }, { evaluationExamples: 2 }));
  const { measures } = await coordinator.updates.find(({ key }) => key.kind === 'evaluate');
  assert.deepEqual([measures.examples, measures.rougeL, measures.bytesDown], [2, 50, 0]);
  const last = device.trainer.jobs.all.at(-1);
  assert.deepEqual(last?.examples, [
    { source: 'd0', target: 's0' },
    { source: 'd1', target: 's1' },
  ]);
});

test('a task told twice is done once, and once finished its update is offered again', async (t) => {
  const trainer = new FakeTrainer();
  trainer.held = true;
  const { coordinator, device, task } = await startFleet(t, { trainer });
  await coordinator.tell('d1', task());
  await trainer.jobs.count(1);
  await coordinator.tell('d1', task());
  trainer.release();
  await device.logged.find(({ message }) => message === 'update accepted');
  const sent = coordinator.chunks.all.length;
  await coordinator.tell('d1', task());
  await coordinator.chunks.find((chunk) => coordinator.chunks.all.indexOf(chunk) >= sent);
  assert.equal(coordinator.chunks.all.at(-1)?.index, 0);
  assert.equal(trainer.jobs.all.length, 1);
  assert.equal(coordinator.updates.all.length, 1);
});

test('a cancel stops the trainer; the next task is done', async (t) => {
  const trainer = new FakeTrainer();
  trainer.held = true;
  const { coordinator, task } = await startFleet(t, { trainer });
  await coordinator.tell('d1', task());
  await trainer.jobs.count(1);
  await coordinator.tell('d1', task({ kind: 'cancel' }));
  await coordinator.tell('d1', task({ round: 2 }));
  await trainer.jobs.count(2);
  trainer.release();
  const update = await coordinator.updates.find(() => true);
  assert.equal(update.key.round, 2);
  assert.equal(trainer.stops, 1);
});

test('a later task takes the place of an upload that nobody answers', async (t) => {
  const { coordinator, task } = await startFleet(t);
  coordinator.answer = (chunk, honest) => (chunk.key?.round === 1 ? [] : [honest]);
  await coordinator.tell('d1', task());
  await coordinator.chunks.find(({ key }) => key?.round === 1);
  await coordinator.tell('d1', task({ round: 2 }));
  const update = await coordinator.updates.find(() => true);
  assert.equal(update.key.round, 2);
});

test('what a device can not do it answers with the reason', async (t) => {
  const trainer = new FakeTrainer();
  const { coordinator, task } = await startFleet(t, { trainer, evaluation: '' });
  const failures: [Task, RegExp][] = [
    [task({}, { modelSha256: 'f'.repeat(64) }), /^the device's model is .*…, the run's ffff/],
    [task({ round: 2, kind: 'evaluate' }), /^the device holds no text to evaluate on$/],
    [task({ round: 3 }, { baseSha256: 'e'.repeat(64), deadlineS: 0 }), /^the task's 0 s have passed$/],
  ];
  for (const [told, reason] of failures) {
    await coordinator.tell('d1', told);
    const update = await coordinator.updates.find(({ key }) => key.round === told.key.round);
    assert.match(update.failure, reason);
    assert.deepEqual(update.tensors, []);
  }
  trainer.held = true;
  await coordinator.tell('d1', task({ round: 4 }, { deadlineS: 1 }));
  const update = await coordinator.updates.find(({ key }) => key.round === 4);
  assert.equal(update.failure, "the task's 1 s have passed");
  assert.equal(trainer.jobs.all.length, 1);
});

test('a payload that is no message is told and changes nothing', async (t) => {
  const { coordinator, device, task } = await startFleet(t);
  const { client } = coordinator;
  await client.publish(topicsOf('test').task('d1'), 'not protobuf');
  await device.logged.find(({ message }) => message === 'message refused');
  await coordinator.tell('d1', task());
  await coordinator.updates.count(1);
});

test('a device whose model is gone says so, answers with it, and says when it is back', async (t) => {
  const { coordinator, at, task } = await startFleet(t, { recheckMs: 50 });
  const tokenizer = join(at.model, 'tokenizer.json');
  renameSync(tokenizer, `${tokenizer}.away`);
  await coordinator.tell('d1', task());
  const { failure } = await coordinator.updates.find(() => true);
  assert.match(failure, /tokenizer\.json: no such file/);
  const { problem } = await coordinator.presences.find((p) => p.problem !== '');
  assert.equal(problem, failure);
  const told = coordinator.presences.all.length;
  renameSync(`${tokenizer}.away`, tokenizer);
  await coordinator.presences.count(told + 1);
  assert.equal(coordinator.presences.all.at(-1)?.problem, '');
});

test('a model that is cut short, or text that is none, is refused at the start', async (t) => {
  const { url } = await startRig(t, brokerLimits);
  const at = deviceFolder();
  writeFileSync(at.data, 'dialogue\n');
  await assert.rejects(
    startDevice(t, url, at),
    (e) => e instanceof Refusal && e.message.includes('train.jsonl line 1'),
  );
  writeFileSync(join(at.model, 'model.safetensors'), 'short');
  await assert.rejects(startDevice(t, url, at), Refusal);
});

test('a device that vanishes is told by its will, and announces itself again', async (t) => {
  const { broker, url } = await startRig(t, brokerLimits);
  const relay = await startRelay(t, broker);
  const coordinator = await startCoordinator(t, url);
  await startDevice(t, relay.url, deviceFolder());
  const birth = await coordinator.presences.find((p) => p.online);
  relay.cut();
  const [, death, again] = await coordinator.presences.count(3);
  assert.deepEqual([death?.online, again?.online], [false, true]);
  assert.deepEqual([death?.session, again?.session], [birth.session, birth.session]);
});

test('a restarted device has a later session, though its clock went back', async (t) => {
  const { url } = await startRig(t, brokerLimits);
  const coordinator = await startCoordinator(t, url);
  const at = deviceFolder();
  const first = await startDevice(t, url, at);
  await first.agent.stop();
  writeFileSync(join(at.state, 'session'), String(Date.now() + 1e9));
  await startDevice(t, url, at);
  const [before, , after] = await coordinator.presences.count(3);
  assert.ok(after!.session > before!.session + 1e8);
});
