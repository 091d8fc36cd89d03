import os from 'node:os';
import { engineSettings } from '../schemas/engine-settings.js';
import {
  fleetSettings,
  healthSettings,
  influxSettings,
  logSettings,
  nameSetting,
} from '../schemas/service-settings.js';
import type { SettingsOf, SettingTable } from '../schemas/settings.js';

/** What a host may be called as a device: the letters of its name that a topic takes. */
const hostId = os
  .hostname()
  .replace(/[^A-Za-z0-9_-]+/g, '-')
  .replace(/^[^A-Za-z0-9]+/, '')
  .slice(0, 64);

export const deviceSettings = {
  ...fleetSettings,
  ...logSettings,
  id: { kind: 'text', default: hostId || 'device', ...nameSetting, help: 'of this device in its fleet' },
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
  ...engineSettings,
  trainerIdleS: {
    kind: 'number',
    default: 60,
    min: 0,
    max: 86_400,
    help: 'seconds without a task after which the trainer process ends and gives its memory back',
  },
  maxAdapterBytes: {
    kind: 'integer',
    default: 2 ** 28,
    min: 1024,
    max: 2 ** 30,
    help: 'a larger adapter is not downloaded',
  },
  telemetryS: {
    kind: 'number',
    default: 1,
    min: 0.05,
    max: 3600,
    help: 'seconds between samples of the board',
  },
  power: {
    kind: 'flag',
    default: true,
    help: 'read the power sensors of the machine; where several devices share a machine, only one should',
  },
  taskTelemetryS: {
    kind: 'number',
    default: 1,
    min: 0.05,
    max: 3600,
    help: 'likewise while a task runs, where that is less: 0.1 for ten a second',
  },
  tdpWatts: {
    kind: 'number',
    default: 0,
    min: 0,
    max: 5000,
    help: 'that the machine draws with all cores at work: a model for a machine without power sensors; 0: none',
  },
  idleWatts: { kind: 'number', default: 0, min: 0, max: 5000, help: 'of that model: what it draws at rest' },
  sensorRoot: {
    kind: 'text',
    default: '/',
    help: 'below which /sys and /proc are looked for: another folder where they are a copy',
  },
  peakGflops: {
    kind: 'number',
    default: 0,
    min: 0,
    max: 1e9,
    help: 'of the processor in float32, which MFU is held against; 0: by a table of boards, or measured once',
  },
  network: {
    kind: 'choice',
    default: 'none',
    choices: ['none', 'ethernet', 'wifi', '4g', '5g'] as const,
    help: 'by which the energy of the network is reckoned from the bytes; none: it is not',
  },
  telemetryBytes: {
    kind: 'integer',
    default: 64 * 2 ** 20,
    min: 2 ** 16,
    max: 2 ** 40,
    help: 'of points kept on disk until they are sent',
  },
  ...influxSettings,
  ...healthSettings,
} satisfies SettingTable;

export type DeviceSettings = SettingsOf<typeof deviceSettings>;

/** What is wrong between the settings of the power model; undefined when nothing is. */
export function powerModelProblem({ tdpWatts, idleWatts }: Pick<DeviceSettings, 'tdpWatts' | 'idleWatts'>) {
  if (idleWatts === 0 || idleWatts <= tdpWatts) return undefined;
  return `idleWatts: ${idleWatts} at rest, but tdpWatts ${tdpWatts} with all cores at work: expected at least as much`;
}

/** Undefined: none is set. */
export const powerModel = ({ tdpWatts, idleWatts }: Pick<DeviceSettings, 'tdpWatts' | 'idleWatts'>) =>
  tdpWatts > 0 ? { tdpWatts, idleWatts } : undefined;
