import { runSettings } from '../schemas/run-settings.js';
import type { SettingsOf, SettingTable } from '../schemas/settings.js';
import { namePattern } from '../schemas/topics.js';

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

/** Raw values of a run's settings where a trigger says nothing. */
export const runDefaults = (settings: CoordinatorSettings) =>
  Object.fromEntries(Object.keys(runSettings).map((key) => [key, settings[key as keyof typeof runSettings]]));
