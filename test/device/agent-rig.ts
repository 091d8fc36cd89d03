import type { TestContext } from 'node:test';
import type { Task, TaskKey } from '../../schemas/messages.js';
import { startRig } from '../broker/rig.js';
import { type DeviceChanges, deviceFolder, startDevice } from './device-rig.js';
import { taskOf, tensorsOf } from './fixtures.js';
import { startCoordinator } from './scripted-coordinator.js';

export const brokerLimits = { maxPacketBytes: 2 ** 20, maxSubscriptions: 30 };

/**
 * A device, a broker and a coordinator; `task` is one of this device's model and of an adapter that is
 * published.
 */
export async function startFleet(t: TestContext, changes: DeviceChanges = {}) {
  const { broker, url } = await startRig(t, brokerLimits);
  const coordinator = await startCoordinator(t, url);
  const at = deviceFolder();
  const device = await startDevice(t, url, at, changes);
  const { sha256: baseSha256 } = await coordinator.publishAdapter('r1', 0, tensorsOf(2_000));
  const { modelSha256 } = device;
  const task = (key: Partial<TaskKey> = {}, rest: Partial<Task> = {}) =>
    taskOf(key, { modelSha256, baseSha256, ...rest });
  return { broker, url, coordinator, at, device, task };
}
