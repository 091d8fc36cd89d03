import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { encode } from '../../schemas/codec.js';
import type { UpdateTensor } from '../../schemas/messages.js';
import { decodeSafetensors } from '../../schemas/tensors.js';
import { topicsOf } from '../../schemas/topics.js';
import { Fleet, until } from './fleet.js';
import { fleet, modelSha256, type Script } from './scripted-device.js';

const topics = topicsOf(fleet);
const two: Script[] = [
  { id: 'a', step: 1, examples: 1 },
  { id: 'b', step: 2, examples: 3 },
];

async function adapterOf(made: Fleet, run: string) {
  const path = join(made.folder, run, 'adapter', 'adapter_model.safetensors');
  const bytes = await readFile(path);
  const values = [...decodeSafetensors(bytes, path).get('w')!.data];
  return { values, sha256: createHash('sha256').update(bytes).digest('hex') };
}

test('a board may have a name that every JavaScript object has', async (t) => {
  const made = await Fleet.start(t);
  for (const script of two) await made.device({ ...script, id: script.id === 'a' ? 'constructor' : 'b' });
  await made.coordinator({ defaults: { minDevices: 2 } });
  await made.trigger({ optimizer: 'fedavg' });
  const { rounds, perDevice } = await made.result();
  assert.deepEqual(
    rounds.map(({ participants }) => participants),
    [
      ['b', 'constructor'],
      ['b', 'constructor'],
    ],
  );
  assert.equal(new Map(Object.entries(perDevice ?? {})).get('constructor')?.examples, 2);
});

test('two devices and two rounds end with the adapter that FedAvg makes by hand', async (t) => {
  const made = await Fleet.start(t);
  for (const script of two) await made.device(script);
  await made.coordinator({ defaults: { minDevices: 2 } });
  await made.trigger({ id: 'first', optimizer: 'fedavg' });
  const summary = await made.result();
  assert.equal(summary.state, 'completed');
  const { values, sha256 } = await adapterOf(made, summary.run);
  assert.deepEqual(values, [0.5 + 3.5, -1 + 3.5, 2 + 3.5, 3.5]); // Each round adds (1·1 + 2·3) / 4 = 1.75.
  assert.deepEqual(summary.adapter, { path: 'adapter', version: 2, sha256 });
  assert.equal(summary.model.sha256, modelSha256);
  assert.deepEqual(summary.trigger, { id: 'first', source: 'mqtt', dueAt: null, late: false });
  assert.equal(summary.settings.rounds, 2);
  assert.deepEqual(summary.before, { loss: 1.75, rouge1: 10, rouge2: 5, rougeL: 35, examples: 4 });
  assert.deepEqual(summary.after, summary.before);
  assert.deepEqual(
    summary.rounds.map((r) => [
      r.round,
      r.state,
      r.participants,
      r.trainLoss,
      r.evalLoss,
      r.joules,
      r.version,
    ]),
    [
      [1, 'closed', ['a', 'b'], 1.75, 1.75, null, 1],
      [2, 'closed', ['a', 'b'], 1.75, 1.75, null, 2],
    ],
  );
  assert.equal(summary.rounds[0]!.bytesDown, 400);
  assert.ok(summary.rounds[0]!.bytesUp > 400);
  assert.deepEqual(
    JSON.parse(await readFile(join(made.folder, summary.run, 'summary.json'), 'utf8')),
    summary,
  );
  const config = JSON.parse(
    await readFile(join(made.folder, summary.run, 'adapter', 'adapter_config.json'), 'utf8'),
  );
  assert.equal(config.r, 16);

  await until(() => made.status?.state === 'idle', 'idle');
  assert.equal(made.status!.history.length, 2);
  const points = made.points.filter((p) => p.measurement === 'round');
  assert.deepEqual(
    points.map((p) => [p.fields.round, p.fields.participants, p.fields.rouge_l]),
    [
      [1, 2, 35],
      [2, 2, 35],
    ],
  );
  // Only the last version stays at the broker, under the name of its run.
  const held = () => [...made.seen].filter(([topic, bytes]) => topic.includes('/adapters/') && bytes > 0);
  await until(() => held().every(([topic]) => topic.includes(`${summary.run}.2/`)), 'old versions cleared');
  assert.ok(held().some(([topic]) => topic === topics.manifest(summary.run, 2)));
});

test('a device that claims many examples weighs what the run allows at most', async (t) => {
  const made = await Fleet.start(t);
  for (const script of two) await made.device(script);
  await made.coordinator({ defaults: { minDevices: 2, rounds: 1 } });
  await made.trigger({ maxWeight: 1 });
  const { run, rounds } = await made.result();
  assert.equal(rounds[0]!.trainLoss, 1.75, 'what is measured stays as it was told');
  assert.deepEqual((await adapterOf(made, run)).values, [2, 0.5, 3.5, 1.5]); // (1 + 2) / 2, not 1.75.
});

test('an update that claims more examples than its task can have used is refused', async (t) => {
  const made = await Fleet.start(t);
  await made.device(two[0]!);
  const bad = await made.device({ ...two[1]!, examples: 17 });
  await made.coordinator({ defaults: { minDevices: 2, rounds: 1 } });
  await made.trigger({ steps: 2, batchSize: 4, accumulation: 2 });
  const { rounds } = await made.result();
  assert.deepEqual(rounds[0]!.participants, ['a']);
  assert.equal(bad.receipts.find((r) => r.state === 'refused')?.reason, rounds[0]!.refused.b);
  assert.equal(rounds[0]!.refused.b, 'it used 17 examples, the task has 16 at most');
});

for (const [what, change] of [
  ['NaN', { data: new Uint8Array(Float32Array.of(1, Number.NaN, 1, 1).buffer) }],
  ['shape', { shape: [4, 1] }],
] as [string, Partial<UpdateTensor>][])
  test(`an update with a wrong ${what} is refused with the reason, and the round goes on`, async (t) => {
    const made = await Fleet.start(t);
    await made.device(two[0]!);
    const bad = await made.device({
      ...two[1]!,
      change: (update, task) =>
        task.key.kind === 'train' ? { ...update, tensors: [{ ...update.tensors[0]!, ...change }] } : update,
    });
    await made.coordinator({ defaults: { minDevices: 2 } });
    await made.trigger({ rounds: 1 });
    const summary = await made.result();
    assert.equal(summary.state, 'completed');
    assert.deepEqual(summary.rounds[0]!.participants, ['a']);
    const refused = bad.receipts.find((r) => r.state === 'refused')!;
    assert.match(refused.reason, what === 'NaN' ? /w holds NaN at 1/ : /w is \[4,1\], expected \[2,2\]/);
    assert.equal(summary.rounds[0]!.refused.b, refused.reason);
    assert.deepEqual((await adapterOf(made, summary.run)).values, [1.5, 0, 3, 1]);
  });

test('an update from another base version is refused with the reason, and the round goes on', async (t) => {
  const made = await Fleet.start(t);
  await made.device(two[0]!);
  const bad = await made.device({
    ...two[1]!,
    change: (update, task) => (task.key.round === 2 ? { ...update, baseVersion: 0 } : update),
  });
  await made.coordinator({ defaults: { minDevices: 2 } });
  await made.trigger();
  const summary = await made.result();
  assert.deepEqual(
    summary.rounds.map((r) => r.participants),
    [['a', 'b'], ['a']],
  );
  assert.match(bad.receipts.find((r) => r.state === 'refused')!.reason, /starts from version 0, expected 1/);
});

test('chunks that come twice, out of order or too many change nothing', async (t) => {
  const made = await Fleet.start(t);
  await made.device({ ...two[0]!, order: (chunks) => [...chunks, ...chunks] });
  const backward = await made.device({ ...two[1]!, order: (chunks) => [...chunks].reverse() });
  await made.coordinator({ defaults: { minDevices: 2 } });
  await made.trigger();
  const summary = await made.result();
  assert.deepEqual((await adapterOf(made, summary.run)).values, [4, 2.5, 5.5, 3.5]);
  assert.ok(backward.receipts.every((r) => r.state !== 'refused'));
});

test('a device that can’t do its task says so, and the round goes on', async (t) => {
  const made = await Fleet.start(t);
  await made.device(two[0]!);
  await made.device({
    ...two[1]!,
    change: (update, task) =>
      task.key.kind === 'train' ? { ...update, codec: '', tensors: [], failure: 'out of memory' } : update,
  });
  await made.coordinator({ defaults: { minDevices: 2 } });
  await made.trigger({ rounds: 1 });
  const summary = await made.result();
  assert.match(summary.rounds[0]!.refused.b!, /out of memory/);
  assert.deepEqual(summary.rounds[0]!.participants, ['a']);
});

test('a device that gives its task up for trouble of its own is not asked again until it says that it can', async (t) => {
  const made = await Fleet.start(t);
  const told = () => device.tasks.filter(({ key }) => key.kind === 'train').length;
  const say = (problem: string) => {
    const counts = { trainExamples: 1, evaluationExamples: 5 };
    const presence = { deviceId: 'a', session: Date.now() + 1000, online: true, modelSha256, ...counts };
    const payload = encode('Presence', { ...presence, version: 'test', problem });
    device.client.publish(topics.presence('a'), payload, { retain: true }).catch(() => undefined);
  };
  const device = await made.device({
    ...two[0]!,
    change(update, { key }) {
      if (key.kind !== 'train' || told() > 1) return update;
      say('no space left on device');
      say('');
      return null;
    },
  });
  await made.coordinator({ resendMs: 60_000 });
  await made.trigger({ rounds: 1 });
  assert.equal((await made.result()).state, 'completed');
  assert.equal(told(), 2);
});

test('an update over the limit of bytes is refused at its first chunk', async (t) => {
  const made = await Fleet.start(t);
  const device = await made.device(two[0]!);
  await made.coordinator({ maxUpdateBytes: 60 });
  await made.trigger();
  const summary = await made.result();
  assert.equal(summary.state, 'failed');
  assert.match(summary.reason, /no device made the first adapter.*at most 60 \(maxUpdateBytes\)/);
  assert.ok(device.receipts.every((r) => r.state === 'refused'));
  assert.equal(summary.adapter, null);
});

test('a device with another base model is not invited, and the status says why', async (t) => {
  const made = await Fleet.start(t);
  await made.device(two[0]!);
  const other = await made.device({ ...two[1]!, modelSha256: 'd'.repeat(64) });
  await made.coordinator({ defaults: { minDevices: 2 } });
  await made.trigger();
  await until(() => /b: another base model \(dddddddd…\)/.test(made.status?.note ?? ''), 'the reason');
  await made.device({ ...two[1]!, id: 'c' });
  const summary = await made.result();
  assert.deepEqual(summary.rounds[0]!.invited, ['a', 'c']);
  assert.deepEqual(other.tasks, []);
});

test('a silent device is told again, then to stop, and the round closes by its quorum', async (t) => {
  const made = await Fleet.start(t);
  await made.device(two[0]!);
  const silent = await made.device({
    ...two[1]!,
    change: (u, task) => (task.key.kind === 'train' ? null : u),
  });
  let skewMs = 0;
  const clock = () => Date.now() + skewMs;
  await made.coordinator({ clock, resendMs: 50, defaults: { minDevices: 2, rounds: 1, deadlineS: 60 } });
  await made.trigger();
  const trainings = () => silent.tasks.filter((task) => task.key.kind === 'train').length;
  await until(() => made.status?.received.join() === 'a' && trainings() >= 3, 'tasks told again');
  skewMs = 60_000;
  const summary = await made.result();
  assert.deepEqual(summary.rounds[0]!.participants, ['a']);
  assert.deepEqual(summary.rounds[0]!.refused, { b: 'no answer by the deadline' });
  assert.ok(silent.tasks.some((task) => task.key.kind === 'cancel' && task.key.round === 1));
});

test('a round without quorum keeps the adapter, and the run goes on or stops by its rule', async (t) => {
  const made = await Fleet.start(t);
  await made.device(two[0]!);
  const fails =
    (round: number): NonNullable<Script['change']> =>
    (update, task) =>
      task.key.kind === 'train' && task.key.round === round
        ? { ...update, codec: '', tensors: [], failure: 'too hot' }
        : update;
  const b = { ...two[1]!, change: fails(1) };
  await made.device(b);
  await made.coordinator({ defaults: { minDevices: 2, quorum: 1 } });
  await made.trigger();
  const on = await made.result(1);
  assert.equal(on.state, 'completed');
  assert.deepEqual(
    on.rounds.map((r) => [r.state, r.version]),
    [
      ['failed', 0],
      ['closed', 1],
    ],
  );
  assert.match(on.rounds[0]!.reason, /b: the device could not do the task: too hot/);
  await made.trigger({ onFailedRound: 'stop' });
  const stopped = await made.result(2);
  assert.equal(stopped.state, 'failed');
  assert.match(stopped.reason, /^round 1: 0 of 2 devices|^round 1: 1 of 2 devices/);
  assert.equal(stopped.rounds.length, 1);
});
