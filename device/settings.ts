import os from 'node:os';
import type { SettingsOf, SettingTable } from '../schemas/settings.js';
import { namePattern } from '../schemas/topics.js';

const name = { pattern: namePattern, expected: 'a name of letters, digits, _ and -' };

/** What a host may be called as a device: the letters of its name that a topic takes. */
const hostId = os
  .hostname()
  .replace(/[^A-Za-z0-9_-]+/g, '-')
  .replace(/^[^A-Za-z0-9]+/, '')
  .slice(0, 64);

export const deviceSettings = {
  broker: { kind: 'text', default: 'mqtt://127.0.0.1:1883', help: 'URL of the MQTT broker' },
  password: { kind: 'text', default: '', help: 'at the broker' },
  connectS: {
    kind: 'number',
    default: 30,
    min: 1,
    max: 3600,
    help: 'seconds within which a broker must answer at the start; later it is awaited for ever',
  },
  fleet: { kind: 'text', default: 'default', ...name, help: 'name of the fleet, in all topics' },
  id: { kind: 'text', default: hostId || 'device', ...name, help: 'of this device in its fleet' },
  model: { kind: 'text', default: './model', help: 'Hugging Face folder of the T5 to train' },
  data: {
    kind: 'text',
    default: '',
    help: 'file of dialogues and summaries to train on; none: it never trains',
  },
  evaluation: {
    kind: 'text',
    default: '',
    help: 'file of held-out ones to evaluate on; none: it never evaluates',
  },
  dialogueField: {
    kind: 'text',
    default: '',
    help: 'field that holds the dialogue; none: found by its name',
  },
  summaryField: { kind: 'text', default: '', help: 'field that holds the summary; none: found by its name' },
  state: { kind: 'text', default: './device-state', help: 'folder for what must survive a restart' },
  threads: {
    kind: 'integer',
    default: Math.max(1, os.availableParallelism()),
    min: 1,
    max: 1024,
    help: 'of the trainer; trainers on one machine must share its cores',
  },
  trainerIdleS: {
    kind: 'number',
    default: 60,
    min: 0,
    max: 86_400,
    help: 'seconds without a task after which the trainer process ends and gives its memory back',
  },
  chunkBytes: {
    kind: 'integer',
    default: 128 * 1024,
    min: 1024,
    max: 256 * 1024,
    help: 'of an update on its way up',
  },
  maxPacketBytes: {
    kind: 'integer',
    default: 2 ** 20,
    min: 2 ** 14,
    max: 2 ** 28 - 1,
    help: 'no larger packet is sent or accepted',
  },
  maxAdapterBytes: {
    kind: 'integer',
    default: 2 ** 28,
    min: 1024,
    max: 2 ** 30,
    help: 'a larger adapter is not downloaded',
  },
  telemetryS: { kind: 'number', default: 1, min: 0.05, max: 3600, help: 'between samples of the board' },
  telemetryBytes: {
    kind: 'integer',
    default: 16 * 2 ** 20,
    min: 2 ** 16,
    max: 2 ** 40,
    help: 'of points kept on disk until they are sent',
  },
  influxUrl: {
    kind: 'text',
    default: '',
    help: 'of an InfluxDB that the device writes to itself; none: points go to the coordinator',
  },
  influxDatabase: { kind: 'text', default: 'fleetune', help: 'InfluxDB database' },
  influxUser: { kind: 'text', default: '', help: 'InfluxDB user' },
  influxPassword: { kind: 'text', default: '', help: 'InfluxDB password' },
} satisfies SettingTable;

export type DeviceSettings = SettingsOf<typeof deviceSettings>;
