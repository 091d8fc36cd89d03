import { readSettings } from '../runtime/settings.js';
import { influxSettings, reachSettings } from '../schemas/service-settings.js';
import type { SettingTable } from '../schemas/settings.js';
import { type SetupStep, setUpInflux } from '../telemetry/influx-setup.js';
import type { CommandTitle } from './commands.js';
import { type Column, table } from './tables.js';

const days = { kind: 'integer', min: 0, max: 36_500 } as const;

export const influxInitSettings = {
  ...influxSettings,
  influxUrl: { kind: 'text', default: 'http://127.0.0.1:8086', help: 'of an InfluxDB 1.x' },
  insecure: reachSettings.insecure,
  influxUser: { kind: 'text', default: '', help: 'an administrator, where the server asks for one' },
  rawDays: { ...days, default: 14, help: 'that points stay; 0: for ever' },
  minuteDays: { ...days, default: 180, help: 'that means of a minute stay; 0: for ever' },
  archiveDays: { ...days, default: 0, help: 'that means of an hour, and rounds, stay; 0: for ever' },
  deleteOlder: { kind: 'flag', default: false, help: 'delete points that are older already' },
} satisfies SettingTable;

const columns: Column<SetupStep>[] = [
  { title: 'what', cell: ({ what }) => what },
  { title: 'state', cell: ({ state }) => state },
];

/** `fleetune influx init`. */
export async function initInflux(argv: readonly string[], { name, summary }: CommandTitle): Promise<void> {
  const settings = readSettings(influxInitSettings, { argv, env: process.env, command: name, summary });
  process.stdout.write(`${table(columns, await setUpInflux(settings))}\n`);
}
