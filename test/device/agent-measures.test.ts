import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noMeasures } from '../../device/computation.js';
import { decodeTensors } from '../../schemas/codecs.js';
import { startFleet } from './agent-rig.js';
import { FakeTrainer } from './device-rig.js';
import { tensorsOf } from './fixtures.js';

test('it trains on its shard and hands in local − global with what it measured', async (t) => {
  const { coordinator, device, task } = await startFleet(t);
  await coordinator.tell('d1', task());
  const update = await coordinator.updates.find(() => true);
  assert.deepEqual(update.key, task().key);
  assert.equal(update.failure, '');
  assert.deepEqual([...decodeTensors(update.codec, update.tensors).get('w')!.data], new Array(2_000).fill(1));
  const { bytesDown, workS, downS, ...measured } = update.measures;
  const { bytesDown: _, ...rest } = noMeasures;
  assert.deepEqual(measured, {
    ...rest,
    ...{ examples: 5, steps: 1, loss: 2, joules: 12.5, watts: 5, idleWatts: 2, powerSource: 'ina3221' },
    ...{ peakGflops: 100, peakSource: 'table', link: 'wifi' },
  });
  assert.ok(bytesDown > 8_000 && downS! > 0 && workS! > downS!);
  assert.deepEqual(device.trainer.jobs.all[0]?.adapter, tensorsOf(2_000));
  await device.logged.find(({ message }) => message === 'update accepted');
  const points = device.points.all.map(
    ({ measurement, tags, fields }) => `${measurement} ${tags.run} ${tags.kind} ${fields.round}`,
  );
  const ofTask = ['network r1 train 1', 'training r1 undefined 1', 'task r1 train 1', 'network r1 train 1'];
  assert.deepEqual(points, ofTask);
  const { tokens_per_s, watts, mfu, tokens_per_joule } = device.points.all[1]!.fields;
  assert.deepEqual(
    { tokens_per_s, watts, tokens_per_joule },
    { tokens_per_s: 10, watts: 5, tokens_per_joule: 2 },
  );
  assert.equal(mfu, 1e9 / 0.5 / 100e9);
  const [down, , , up] = device.points.all.map(({ fields }) => fields.network_joules);
  assert.equal(down, (8 * bytesDown * 331.7) / 1e9);
  assert.ok(up! > (8 * 8_000 * 331.7) / 1e9);
});

test('after a task, and after one that is cancelled, the peak may be measured', async (t) => {
  const trainer = new FakeTrainer();
  const { coordinator, device, task } = await startFleet(t, { trainer });
  await coordinator.tell('d1', task());
  assert.deepEqual(await device.peak.count(2), ['busy', 'rest']);
  trainer.held = true;
  await coordinator.tell('d1', task({ round: 2 }));
  await trainer.jobs.count(2);
  await coordinator.tell('d1', task({ round: 2, kind: 'cancel' }));
  assert.deepEqual((await device.peak.count(4)).slice(2), ['busy', 'rest']);
});

test('a reading that is slow, or fails, costs a task that reading alone; its steps are told before its end', async (t) => {
  const slowly = async () => {
    await new Promise(setImmediate);
    throw new Error('the sensor is gone');
  };
  const measure = () => ({ source: 'ina3221', lap: slowly, end: slowly });
  const { coordinator, device, task } = await startFleet(t, { measure });
  await coordinator.tell('d1', task());
  const { failure, measures } = await coordinator.updates.find(() => true);
  assert.deepEqual([failure, measures.steps, measures.joules], ['', 1, undefined]);
  await device.logged.find(({ message }) => message === 'update accepted');
  const points = device.points.all.map(({ measurement }) => measurement);
  assert.deepEqual(points, ['network', 'training', 'task', 'network']);
  const { loss, watts } = device.points.all[1]!.fields;
  assert.deepEqual([loss, watts], [2, undefined]);
});
