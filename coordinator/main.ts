import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { connectClient, type FleetClient, reachOf } from '../broker/client.js';
import { startRenewal } from '../identity/renewal.js';
import { isDiskTrouble } from '../runtime/disk-trouble.js';
import { requireFolder } from '../runtime/files.js';
import { linkCheck } from '../runtime/health.js';
import { takeLock } from '../runtime/lock.js';
import { createLog, type Log, told } from '../runtime/log.js';
import type { Service } from '../runtime/service.js';
import type { LiveSource } from '../schemas/live.js';
import { Refusal } from '../schemas/refusal.js';
import { chunkProblem } from '../schemas/service-settings.js';
import { machineClock, noClock } from '../telemetry/clock.js';
import { NewestFigures } from '../telemetry/newest.js';
import { createSink, type Sink } from '../telemetry/sink.js';
import { aliveCheck } from './alive.js';
import { Coordinator, type CoordinatorParts } from './coordinator.js';
import { pageProblem, startPage } from './page/page.js';

export { pageProblem } from './page/page.js';

import { type Calendar, readCalendar } from './schedule.js';
import { type CoordinatorSettings, runDefaults } from './settings.js';

export { type CoordinatorSettings, coordinatorSettings } from './settings.js';

export interface CoordinatorService extends Service {
  /** Of the live page; null where there is none. */
  pagePort: number | null;
}

const tickMs = 500;
const maxChunks = 2 ** 20;
const gaugeMs = 10_000;

/**
 * Starts the coordinator service: takes the runs folder, goes on with the run that is open there, connects.
 * @throws Refusal for an unwritable runs folder or one in use, a damaged journal, a bad schedule, limits
 * that contradict each other, an unreachable broker
 */
export async function start(settings: CoordinatorSettings): Promise<CoordinatorService> {
  const { runs, cron, timeZone } = settings;
  const problem = chunkProblem(settings) ?? pageProblem(settings, settings.insecure);
  if (problem) throw new Refusal(problem);
  const calendar = readCalendar(cron || '@daily', timeZone); // A zone is looked at where there is no schedule, too.
  await requireFolder(runs, 'the runs folder (--runs)');
  const inUse = (holder: string) =>
    `the runs folder (--runs) ${runs} is in use by ${holder}: stop that coordinator, or give another`;
  const waiting = (holder: string) =>
    createLog('coordinator', settings).info('waiting until the runs folder is free', { holder });
  const lock = await onDisk(() => takeLock(join(runs, 'lock'), inUse, { waiting }));
  try {
    const service = await startIn(settings, cron === '' ? null : calendar);
    return { ...service, stop: () => service.stop().finally(() => lock.release()) };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function startIn(
  settings: CoordinatorSettings,
  calendar: Calendar | null,
): Promise<CoordinatorService> {
  const log = createLog('coordinator', settings);
  const { runs, fleet, telemetryBytes: maxBytes } = settings;
  const spool = {
    folder: join(runs, 'telemetry'),
    maxBytes,
    name: 'coordinator',
    tags: { fleet },
    syncEveryMs: 0,
    gaugeMs,
    clock: noClock,
  };
  const sink = await createSink({ ...settings, ...spool }, log);
  const newest = new NewestFigures();
  const heard = settings.pagePort < 0 ? sink : overheard(sink, newest);
  const parts = {
    sink: heard,
    log,
    calendar,
    clock: Date.now,
    uptime: machineClock.uptimeMs,
    random: Math.random,
  };
  const coordinator = await open(settings, parts);
  const page = await openPage(settings, () => ({ fleet, ...coordinator.live, newest }), log);
  const client = await connect(settings, coordinator).catch(async (error) => {
    await page?.stop();
    throw error;
  });
  const renewal = startRenewal(settings, log, () => void client.reconnect());
  await coordinator.tick(); // Its folder is marked before it is asked how it is.
  const ticks = setInterval(() => void coordinator.tick(), tickMs);
  process.send?.({ ready: page ? { pagePort: page.port } : {} });
  return {
    pagePort: page?.port ?? null,
    health: async () => [
      linkCheck(client.connected),
      await aliveCheck(settings.runs, Date.now(), coordinator.trouble),
    ],
    async stop() {
      clearInterval(ticks);
      await renewal.stop();
      await page?.stop();
      await coordinator.stop();
      await client.stop();
      await sink.stop();
    },
  };
}

/** The sink, of which `newest` hears what devices send. */
const overheard = ({ write, take }: Sink, newest: NewestFigures): CoordinatorParts['sink'] => ({
  write,
  take(points, tags) {
    newest.hear(tags.device, points, Date.now());
    return take(points, tags);
  },
});

async function openPage(settings: CoordinatorSettings, source: () => LiveSource, log: Log) {
  const { pagePort, pageHost, pageUser } = settings;
  if (pagePort < 0) return undefined;
  const page = await startPage(settings, source, log);
  log.info('live page', { host: pageHost, port: page.port, user: pageUser || null });
  return page;
}

async function open(settings: CoordinatorSettings, parts: CoordinatorParts): Promise<Coordinator> {
  const { runs, fleet, chunkBytes, maxUpdateBytes, maxDevices, keepVersions } = settings;
  const limits = { maxUpdateBytes, maxChunks };
  const times = { resendMs: settings.resendS * 1000, settleMs: settings.settleS * 1000 };
  const defaults = runDefaults(settings);
  const options = { runs, fleet, chunkBytes, limits, maxDevices, keepVersions, ...times, defaults };
  return onDisk(() => Coordinator.open(options, parts));
}

async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!isDiskTrouble(cause)) throw cause;
    throw new Refusal(`the runs folder (--runs) can’t be used: ${told(cause)}`);
  }
}

/** Resolves when the coordinator hears the fleet, not only the broker. */
async function connect(
  settings: CoordinatorSettings,
  { handlers, will }: Pick<Coordinator, 'handlers' | 'will'>,
): Promise<FleetClient> {
  const { connectS, maxPacketBytes } = settings;
  const reach = reachOf(settings, { role: 'coordinator' });
  const clientId = `coordinator-${randomBytes(4).toString('hex')}`;
  let client: FleetClient | undefined;
  await new Promise<void>((resolve, reject) => {
    const connected = async (connection: FleetClient) => {
      await handlers.connected(connection);
      resolve();
    };
    connectClient({ ...reach, clientId, will, connectS, maxPacketBytes }, { ...handlers, connected }).then(
      (made) => {
        client = made;
      },
      reject,
    );
  });
  return client!;
}
