import { join } from 'node:path';
import { startRenewal } from '../identity/renewal.js';
import { requireFolder } from '../runtime/files.js';
import { type Check, linkCheck } from '../runtime/health.js';
import { takeLock } from '../runtime/lock.js';
import { createLog, forChild } from '../runtime/log.js';
import type { Service } from '../runtime/service.js';
import { packageVersion } from '../runtime/version.js';
import { engineOptions } from '../schemas/engine-settings.js';
import type { Point } from '../schemas/messages.js';
import { Refusal } from '../schemas/refusal.js';
import { chunkProblem } from '../schemas/service-settings.js';
import { AdapterCache } from './adapter-cache.js';
import { type Agent, startAgent } from './agent.js';
import { openDeviceSink } from './device-sink.js';
import { type Condition, startHeartbeat } from './heartbeat.js';
import { createInventory } from './inventory.js';
import { Journal } from './journal.js';
import { openPeak } from './peak.js';
import { startSampler } from './sampler.js';
import { type DeviceSettings, powerModel, powerModelProblem } from './settings.js';
import { createTrainer } from './trainer.js';

export { type DeviceSettings, deviceSettings } from './settings.js';

const transfers = { silentMs: 10_000, retryMs: 1_000, maxSilences: 6 };
const recheckMs = 30_000;
const heartbeatMs = 10_000;
/** Of a peak that nobody knows: it takes all cores for some seconds. */
const restMs = 30_000;

/**
 * Starts the device service. Nothing here loads the training engine: that is the trainer process's.
 * @throws Refusal where settings don't fit each other, the model, the data or the state folder can't be used,
 * another device service has that folder, or no broker answers
 */
export async function start(settings: DeviceSettings): Promise<Service> {
  const { state } = settings;
  const problem = chunkProblem(settings) ?? powerModelProblem(settings);
  if (problem) throw new Refusal(problem);
  await requireFolder(state, 'the state folder (--state)');
  const inUse = (holder: string) =>
    `the state folder (--state) ${state} is in use by ${holder}: stop that device, or give another`;
  const waiting = (holder: string) =>
    createLog(`device ${settings.id}`, settings).info('waiting until the state folder is free', {
      holder,
    });
  const lock = await takeLock(join(state, 'lock'), inUse, { waiting }).catch((error) => {
    if (error instanceof Refusal) throw error;
    return undefined; // A full disk, or one without hard links, is no second device.
  });
  try {
    const service = await startIn(settings);
    return { ...service, stop: () => service.stop().finally(() => lock?.release()) };
  } catch (error) {
    await lock?.release();
    throw error;
  }
}

async function startIn(settings: DeviceSettings): Promise<Service> {
  const { id, state, model, threads, trainerIdleS, telemetryS, power, sensorRoot } = settings;
  const log = createLog(`device ${id}`, settings);
  const journal = await Journal.open(state);
  const inventory = createInventory({ ...settings, cacheFile: join(state, 'model.json') });
  const trainer = createTrainer({
    model,
    engine: { threads, ...engineOptions(settings) },
    idleS: trainerIdleS,
    log,
    logging: forChild(settings),
  });
  let agent: Agent | undefined;
  const sink = await openDeviceSink(settings, log, async (points) => {
    if (!agent) throw new Error('not connected to the broker yet');
    await agent.publishPoints(points);
  });
  const write = (points: Point[]) => sink.write(points);
  const droppedPoints = () => sink.counts.dropped;
  const sampler = await startSampler(
    {
      everyMs: telemetryS * 1000,
      taskEveryMs: Math.min(settings.taskTelemetryS, telemetryS) * 1000,
      power,
      powerModel: powerModel(settings),
      root: sensorRoot,
      stateFolder: state,
      deviceId: id,
      trainerPid: () => trainer.pid,
      log,
    },
    write,
  );
  const { measure } = sampler;
  const peak = await openPeak(
    { ...settings, file: join(state, 'peak.json'), root: sensorRoot, restMs, measure },
    log,
  );
  const network = settings.network === 'none' ? undefined : settings.network;
  const cache = new AdapterCache(join(state, 'adapters'));
  const limits = { ...settings, ...transfers };
  const stopTelemetry = async () => {
    peak.stop();
    await sampler.stop();
    await sink.stop();
  };
  try {
    agent = await startAgent(
      { ...settings, version: packageVersion(), powerSource: sampler.source, recheckMs },
      { inventory, journal, cache, trainer, measure, peak, network, write, log, limits, droppedPoints },
    );
  } catch (error) {
    await stopTelemetry();
    throw error;
  }
  const live = agent;
  peak.rest();
  const heartbeat = startHeartbeat(() => live.condition, heartbeatMs, write);
  const renewal = startRenewal(settings, log, () => void live.reconnect());
  log.info('ready', { broker: settings.broker, powerSource: sampler.source });
  process.send?.({ ready: {} });
  return {
    health: async () => [linkCheck(live.connected), tasksCheck(live.condition)],
    async stop() {
      heartbeat.stop();
      await renewal.stop();
      await agent.leave();
      await stopTelemetry(); // While there is a connection: what came last goes too.
      await agent.stop();
    },
  };
}

const tasksCheck = ({ ready, problem }: Condition): Check => ({
  name: 'tasks',
  ok: ready,
  detail: ready ? 'it can take one' : `it can take none: ${problem}`,
});
