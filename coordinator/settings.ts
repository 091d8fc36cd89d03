import { runSettings } from '../schemas/run-settings.js';
import { fleetSettings, healthSettings, influxSettings, logSettings } from '../schemas/service-settings.js';
import type { SettingsOf, SettingTable } from '../schemas/settings.js';
import { pageSettings } from './page/settings.js';

/** Its own, and all of a run's: those are what a trigger leaves unsaid. */
export const coordinatorSettings = {
  ...fleetSettings,
  ...logSettings,
  runs: { kind: 'text', default: './runs', help: 'folder that keeps the runs' },
  cron: { kind: 'text', default: '', help: 'cron expression of scheduled runs' },
  timeZone: {
    kind: 'text',
    default: '',
    help: 'of the cron expression, as Europe/Berlin; none: of this machine',
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
    default: 10,
    min: 0,
    max: 3600,
    help: 'that a round waits for devices of the one before that are away, and for one that was stopped in it',
  },
  telemetryBytes: {
    kind: 'integer',
    default: 64 * 2 ** 20,
    min: 2 ** 20,
    max: 2 ** 40,
    help: 'of points kept on disk',
  },
  ...pageSettings,
  ...influxSettings,
  ...healthSettings,
  ...runSettings,
} satisfies SettingTable;

export type CoordinatorSettings = SettingsOf<typeof coordinatorSettings>;

/** Raw values of a run's settings where a trigger says nothing. */
export const runDefaults = (settings: CoordinatorSettings) =>
  Object.fromEntries(Object.keys(runSettings).map((key) => [key, settings[key as keyof typeof runSettings]]));
