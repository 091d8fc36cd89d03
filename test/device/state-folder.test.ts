import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { TaskKey } from '../../schemas/messages.js';
import { startRig } from '../broker/rig.js';
import { smallDisk } from '../telemetry/small-disk.js';
import { brokerLimits } from './agent-rig.js';
import { deviceFolder, startDevice } from './device-rig.js';
import { taskOf, tensorsOf } from './fixtures.js';
import { startCoordinator } from './scripted-coordinator.js';

test('what a kill in mid-write leaves in the state folder goes with the next start', async (t) => {
  const { url } = await startRig(t, brokerLimits);
  const at = deviceFolder();
  mkdirSync(at.state);
  for (const name of ['finished.update.7-0.partial', 'finished.json.7-1.partial', 'session.7-2.partial'])
    writeFileSync(join(at.state, name), 'half');
  await startDevice(t, url, at);
  assert.deepEqual(
    readdirSync(at.state).filter((name) => name.endsWith('.partial')),
    [],
  );
});

/** A state folder of its own 256 KiB; undefined where this machine allows no mount. */
async function onSmallDisk(t: TestContext) {
  const at = deviceFolder();
  const disk = smallDisk(t, at.state, '256k');
  if (!disk) return undefined;
  const { url } = await startRig(t, brokerLimits);
  return { url, at, disk, coordinator: await startCoordinator(t, url) };
}

test('a device with no room for an update says so before it trains, not after', async (t) => {
  const small = await onSmallDisk(t);
  if (!small) return;
  const { url, coordinator, at, disk } = small;
  const { trainer, modelSha256 } = await startDevice(t, url, at, { recheckMs: 50 });
  const { sha256: baseSha256 } = await coordinator.publishAdapter('r1', 0, tensorsOf(20_000));
  const answer = async (key: Partial<TaskKey>) => {
    await coordinator.tell('d1', taskOf(key, { modelSha256, baseSha256 }));
    return (await coordinator.updates.find((update) => update.key.round === key.round)).failure;
  };
  assert.equal(await answer({ round: 1, kind: 'evaluate' }), '', 'it has the adapter');
  disk.fill(32_768);
  assert.match(
    await answer({ round: 2 }),
    /^the disk of its state has room for 33 kB, its update takes 81 kB$/,
  );
  assert.equal(trainer.jobs.all.length, 1);
  const { presences } = coordinator;
  await presences.find(({ problem }) => /^the disk of its state has room for 33 kB/.test(problem));
  disk.makeRoom();
  await presences.find((one) => one === presences.all.at(-1) && one.problem === '');
  assert.equal(await answer({ round: 3 }), '');
});

test('a device on a full disk starts, evaluates, and says what it lacks for an update', async (t) => {
  const small = await onSmallDisk(t);
  if (!small) return;
  const { url, coordinator, at, disk } = small;
  disk.fill(65_536);
  const { modelSha256 } = await startDevice(t, url, at);
  const { sha256: baseSha256 } = await coordinator.publishAdapter('r1', 0, tensorsOf(20_000));
  await coordinator.tell('d1', taskOf({ round: 1, kind: 'evaluate' }, { modelSha256, baseSha256 }));
  assert.equal((await coordinator.updates.count(1))[0]!.failure, '');
  await coordinator.tell('d1', taskOf({ round: 2 }, { modelSha256, baseSha256 }));
  await coordinator.presences.find(({ problem }) => /has room for .*, its update takes 81 kB/.test(problem));
});

test('one on a disk without a byte left is there all the same', async (t) => {
  const small = await onSmallDisk(t);
  if (!small) return;
  const { url, coordinator, at, disk } = small;
  disk.fill();
  await startDevice(t, url, at);
  await coordinator.presences.find(({ online }) => online);
});
