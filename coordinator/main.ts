import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { connectClient } from '../broker/client.js';
import { requireFolder } from '../runtime/files.js';
import { createLog } from '../runtime/log.js';
import type { Service } from '../runtime/service.js';
import { runSettings } from '../schemas/run-settings.js';
import type { SettingsOf, SettingTable } from '../schemas/settings.js';
import { namePattern } from '../schemas/topics.js';
import { createSink } from '../telemetry/sink.js';
import { Coordinator } from './coordinator.js';
import { readCalendar } from './schedule.js';

/** Its own, and all of a run's: those are what a trigger leaves unsaid. */
export const coordinatorSettings = {
  broker: { kind: 'text', default: 'mqtt://127.0.0.1:1883', help: 'URL of the MQTT broker' },
  password: { kind: 'text', default: '', help: 'at the broker' },
  connectS: {
    kind: 'number',
    default: 30,
    min: 1,
    max: 3600,
    help: 'seconds within which a broker must answer',
  },
  fleet: {
    kind: 'text',
    default: 'default',
    pattern: namePattern,
    expected: 'a name of letters, digits, _ and -',
    help: 'name of the fleet, in all topics',
  },
  runs: { kind: 'text', default: './runs', help: 'folder that keeps the runs' },
  cron: { kind: 'text', default: '', help: 'cron expression of scheduled runs' },
  timeZone: {
    kind: 'text',
    default: '',
    help: 'of the cron expression, as Europe/Berlin; none: of this machine',
  },
  chunkBytes: {
    kind: 'integer',
    default: 128 * 1024,
    min: 1024,
    max: 256 * 1024,
    help: 'of the adapter on its way down',
  },
  maxPacketBytes: {
    kind: 'integer',
    default: 2 ** 20,
    min: 2 ** 14,
    max: 2 ** 28 - 1,
    help: 'no larger packet is sent or accepted',
  },
  maxUpdateBytes: {
    kind: 'integer',
    default: 2 ** 28,
    min: 1024,
    max: 2 ** 30,
    help: 'a larger update is refused',
  },
  maxDevices: { kind: 'integer', default: 10_000, min: 1, max: 1_000_000, help: 'whose presence is kept' },
  keepVersions: {
    kind: 'integer',
    default: 3,
    min: 1,
    max: 10_000,
    help: 'adapter versions, and rounds of updates, that stay on disk',
  },
  resendS: {
    kind: 'number',
    default: 15,
    min: 1,
    max: 3600,
    help: 'after which a task is told again to a device that sends nothing',
  },
  settleS: {
    kind: 'number',
    default: 5,
    min: 0,
    max: 3600,
    help: 'that a round waits for devices of the one before that are away',
  },
  influxUrl: { kind: 'text', default: '', help: 'of the InfluxDB for telemetry; none: points stay in files' },
  influxDatabase: { kind: 'text', default: 'fleetune', help: 'InfluxDB database' },
  influxUser: { kind: 'text', default: '', help: 'InfluxDB user' },
  influxPassword: { kind: 'text', default: '', help: 'InfluxDB password' },
  telemetryBytes: {
    kind: 'integer',
    default: 64 * 2 ** 20,
    min: 2 ** 20,
    max: 2 ** 40,
    help: 'of points kept on disk',
  },
  ...runSettings,
} satisfies SettingTable;

export type CoordinatorSettings = SettingsOf<typeof coordinatorSettings>;

const tickMs = 500;
const maxChunks = 2 ** 20;

/**
 * Starts the coordinator service: reads the runs folder, goes on with the run that is open there, connects.
 * @throws Refusal for an unwritable runs folder, a damaged journal, a bad schedule, an unreachable broker
 */
export async function start(settings: CoordinatorSettings): Promise<Service> {
  const log = createLog('coordinator');
  const { runs, fleet, cron, timeZone } = settings;
  const calendar = cron === '' ? null : readCalendar(cron, timeZone);
  await requireFolder(runs, 'the runs folder (--runs)');
  const sink = await createSink(
    { ...settings, folder: join(runs, 'telemetry'), maxBytes: settings.telemetryBytes },
    log,
  );
  const coordinator = await Coordinator.open(
    {
      runs,
      fleet,
      chunkBytes: settings.chunkBytes,
      limits: { maxUpdateBytes: settings.maxUpdateBytes, maxChunks },
      maxDevices: settings.maxDevices,
      keepVersions: settings.keepVersions,
      resendMs: settings.resendS * 1000,
      settleMs: settings.settleS * 1000,
      defaults: Object.fromEntries(
        Object.keys(runSettings).map((key) => [key, settings[key as keyof typeof runSettings]]),
      ),
    },
    { sink, log, calendar, clock: Date.now, random: Math.random },
  );
  const { handlers } = coordinator;
  let subscribed: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => {
    subscribed = resolve;
  });
  const client = await connectClient(
    {
      url: settings.broker,
      clientId: `coordinator-${randomBytes(4).toString('hex')}`,
      username: 'coordinator',
      ...(settings.password === '' ? {} : { password: settings.password }),
      connectS: settings.connectS,
      maxPacketBytes: settings.maxPacketBytes,
    },
    {
      ...handlers,
      async connected(connection) {
        await handlers.connected(connection);
        subscribed();
      },
    },
  );
  const ticks = setInterval(() => void coordinator.tick(), tickMs);
  await ready;
  process.send?.({ ready: {} });
  return {
    async stop() {
      clearInterval(ticks);
      await client.stop();
      await coordinator.stop();
      await sink.stop();
    },
  };
}
