import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reachOf } from '../../broker/client.js';
import { readBundle } from '../../identity/bundle.js';
import { startRenewal } from '../../identity/renewal.js';
import { revoke } from '../../identity/revocation.js';
import { createLog } from '../../runtime/log.js';
import { startSecure } from '../broker/tls-rig.js';
import { serve } from '../identity/authority-rig.js';
import { brokerLimits } from './agent-rig.js';
import { deviceFolder, FakeTrainer, startDevice } from './device-rig.js';
import { taskOf, tensorsOf } from './fixtures.js';
import { startCoordinator } from './scripted-coordinator.js';

test('a device in mid-task renews its certificate, connects with it, and hands the task in; nobody saw it die', async (t) => {
  const { bundle, url, logged, authority } = await startSecure(t, brokerLimits);
  const authorityServer = await serve(t, authority);
  const reach = reachOf({ broker: url, tls: await bundle('coordinator', 'main') }, { role: 'coordinator' });
  const coordinator = await startCoordinator(t, url, reach.secrets);
  const trainer = new FakeTrainer();
  trainer.held = true;
  const tls = await bundle('device', 'd1', { nowMs: Date.now() - 20 * 3_600_000 }); // Of 24 h: it is due.
  const device = await startDevice(t, url, deviceFolder(), { trainer, tls });
  const { sha256: baseSha256 } = await coordinator.publishAdapter('r1', 0, tensorsOf(2_000));
  await coordinator.tell('d1', taskOf({}, { modelSha256: device.modelSha256, baseSha256 }));
  await trainer.jobs.count(1);

  const settings = { tls, authority: authorityServer.url };
  const renewal = startRenewal(
    settings,
    createLog('d1', () => {}),
    () => void device.agent.reconnect(),
    20,
  );
  await logged.find(
    () => logged.all.filter(({ message, client }) => message === 'client in' && client === 'd1').length === 2,
  );
  await coordinator.presences.count(2);
  await renewal.stop();
  trainer.release();
  const [update] = await coordinator.updates.count(1);
  assert.equal(update!.failure, '');
  assert.equal(trainer.jobs.all.length, 1);
  assert.ok(coordinator.presences.all.every(({ online }) => online));
  assert.ok(readBundle(tls).own);
});

test('a device that is revoked in mid-task is cut, and its update goes nowhere', async (t) => {
  const { bundle, url, authority, logged } = await startSecure(t, brokerLimits);
  const reach = reachOf({ broker: url, tls: await bundle('coordinator', 'main') }, { role: 'coordinator' });
  const coordinator = await startCoordinator(t, url, reach.secrets);
  const trainer = new FakeTrainer();
  trainer.held = true;
  const device = await startDevice(t, url, deviceFolder(), { trainer, tls: await bundle('device', 'd1') });
  const { sha256: baseSha256 } = await coordinator.publishAdapter('r1', 0, tensorsOf(2_000));
  await coordinator.tell('d1', taskOf({}, { modelSha256: device.modelSha256, baseSha256 }));
  await trainer.jobs.count(1);
  await revoke(authority, 'd1', Date.now());
  await coordinator.presences.find(({ online }) => !online); // Its will: it is gone.
  trainer.release();
  await logged.find(({ reason }) => reason === 'certificate of "d1": revoked');
  assert.deepEqual(coordinator.updates.all, []);
});
