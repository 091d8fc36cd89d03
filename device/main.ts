import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireFolder } from '../runtime/files.js';
import { createLog, type Log } from '../runtime/log.js';
import type { Service } from '../runtime/service.js';
import { engineOptions } from '../schemas/engine-settings.js';
import type { Point } from '../schemas/messages.js';
import { Refusal } from '../schemas/refusal.js';
import { chunkProblem } from '../schemas/service-settings.js';
import type { Deliver } from '../telemetry/pump.js';
import { createSink, createSinkTo, type Sink } from '../telemetry/sink.js';
import { AdapterCache } from './adapter-cache.js';
import { type Agent, startAgent } from './agent.js';
import { createInventory } from './inventory.js';
import { Journal } from './journal.js';
import { startSampler } from './sampler.js';
import type { DeviceSettings } from './settings.js';
import { createTrainer } from './trainer.js';

export { type DeviceSettings, deviceSettings } from './settings.js';

const transfers = { silentMs: 10_000, retryMs: 1_000, maxSilences: 6 };
const recheckMs = 30_000;
/** Batches well below any packet limit that the settings allow. */
const toCoordinator = { batchPoints: 50, everyMs: 2_000, maxWaitMs: 30_000 };

/**
 * Starts the device service. Nothing here loads the training engine: that is the trainer process's.
 * @throws Refusal where settings don't fit each other, the model, the data or the state folder can't be used,
 * or no broker answers
 */
export async function start(settings: DeviceSettings): Promise<Service> {
  const { id, state, model, threads, trainerIdleS, telemetryS, power } = settings;
  const problem = chunkProblem(settings);
  if (problem) throw new Refusal(problem);
  const log = createLog(`device ${id}`);
  await requireFolder(state, 'the state folder (--state)');
  const journal = await Journal.open(state);
  const inventory = createInventory({ ...settings, cacheFile: join(state, 'model.json') });
  const trainer = createTrainer({
    model,
    engine: { threads, ...engineOptions(settings) },
    idleS: trainerIdleS,
    log,
  });
  let agent: Agent | undefined;
  const sink = await openSink(settings, log, (points) => publish(agent, points));
  const write = (points: Point[]) => sink.write(points);
  const sampler = await startSampler(
    { everyMs: telemetryS * 1000, power, root: '/', deviceId: id, trainerPid: () => trainer.pid },
    write,
  );
  const { measure } = sampler;
  const cache = new AdapterCache(join(state, 'adapters'));
  const limits = { ...settings, ...transfers };
  const stopTelemetry = async () => {
    await sampler.stop();
    await sink.stop();
  };
  try {
    agent = await startAgent(
      { ...settings, version: await packageVersion(), recheckMs },
      { inventory, journal, cache, trainer, measure, write, log, limits },
    );
  } catch (error) {
    await stopTelemetry();
    throw error;
  }
  log.info('ready', { broker: settings.broker, powerSource: sampler.source });
  process.send?.({ ready: {} });
  return {
    async stop() {
      await agent.stop();
      await stopTelemetry();
    },
  };
}

/**
 * Points go to InfluxDB where the device knows one, else to the coordinator; either way by way of the disk.
 */
function openSink(settings: DeviceSettings, log: Log, deliver: Deliver): Promise<Sink> {
  const spool = { folder: join(settings.state, 'telemetry'), maxBytes: settings.telemetryBytes };
  if (settings.influxUrl !== '') return createSink({ ...settings, ...spool }, log);
  return createSinkTo(deliver, spool, toCoordinator, log);
}

async function publish(
  agent: Agent | undefined,
  points: Point[],
): Promise<{ dropped: number; reason: string }> {
  if (!agent) throw new Error('not connected to the broker yet');
  try {
    await agent.publishPoints(points);
    return { dropped: 0, reason: '' };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { dropped: points.length, reason: error.message }; // It would be refused again.
  }
}

async function packageVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
