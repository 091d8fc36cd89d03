import { brokerAddress } from './addresses.js';
import type { SettingsOf, SettingTable } from './settings.js';
import { namePattern } from './topics.js';

/** Settings that several services have, with one meaning. */
export const nameSetting = { pattern: namePattern, expected: 'a name of letters, digits, _ and -' };

/** How a service tells what it does, on standard error. */
export const logSettings = {
  log: {
    kind: 'choice',
    default: 'auto',
    choices: ['auto', 'text', 'json'],
    help: 'how standard error is written; auto: text on a terminal, else a JSON object a line',
  },
  logLevel: {
    kind: 'choice',
    default: 'info',
    choices: ['debug', 'info', 'warn', 'error'],
    help: 'the least that is written; debug: each message that comes too',
  },
} satisfies SettingTable;

export type LogSettings = SettingsOf<typeof logSettings>;

/** How somebody reaches a broker, and shows who he is. */
export const reachSettings = {
  broker: {
    kind: 'text',
    default: 'mqtt://127.0.0.1:1883',
    ...brokerAddress,
    help: 'URL of the MQTT broker; mqtts:// or wss:// for one on another machine',
  },
  tls: {
    kind: 'text',
    default: '',
    help: 'folder with tls.crt, tls.key and ca.crt, or ca.crt alone; none: no certificate, the system’s roots',
  },
  username: {
    kind: 'text',
    default: '',
    help: 'at the broker; none: the role, or with a password a device’s id',
  },
  password: {
    kind: 'text',
    default: '',
    help: 'at the broker; a file keeps it out of the list of processes',
  },
  passwordFile: { kind: 'text', default: '', help: 'file of the password, read at every connection' },
  tokenFile: {
    kind: 'text',
    default: '',
    help: 'file of a token (JWT) in place of the password, read likewise',
  },
  insecure: {
    kind: 'flag',
    default: false,
    help: 'speak to a broker or an InfluxDB on another machine without TLS, or without credentials',
  },
} satisfies SettingTable;

export const authoritySetting = {
  authority: {
    kind: 'text',
    default: '',
    pattern: /^(https:\/\/\S+)?$/,
    expected: 'an address as https://server.example:8884',
    help: 'URL of the authority, which renews the certificate of --tls; none: somebody else renews it',
  },
} satisfies SettingTable;

/** How a service reaches its fleet. */
export const fleetSettings = {
  ...reachSettings,
  ...authoritySetting,
  connectS: {
    kind: 'number',
    default: 30,
    min: 1,
    max: 3600,
    help: 'seconds within which a broker must answer at the start; later it is awaited for ever',
  },
  fleet: { kind: 'text', default: 'default', ...nameSetting, help: 'name of the fleet, in all topics' },
  chunkBytes: {
    kind: 'integer',
    default: 128 * 1024,
    min: 1024,
    max: 256 * 1024,
    help: 'of an adapter or update in one message',
  },
  maxPacketBytes: {
    kind: 'integer',
    default: 2 ** 20,
    min: 2 ** 14,
    max: 2 ** 28 - 1,
    help: 'no larger packet is sent or accepted',
  },
} satisfies SettingTable;

/** What a message holds beside its chunk: topic, key, hash and counts. */
const aroundChunkBytes = 1024;

/** What is wrong between the two limits of a message's bytes; undefined when nothing is. */
export function chunkProblem(settings: { chunkBytes: number; maxPacketBytes: number }): string | undefined {
  const { chunkBytes, maxPacketBytes } = settings;
  if (chunkBytes + aroundChunkBytes <= maxPacketBytes) return undefined;
  const most = maxPacketBytes - aroundChunkBytes;
  return `chunkBytes: ${chunkBytes} fits no packet of maxPacketBytes ${maxPacketBytes}, expected at most ${most}`;
}

/** How a service is asked whether it is well. */
export const healthSettings = {
  healthSocket: {
    kind: 'text',
    default: '',
    help: 'Unix socket on which it answers `fleetune health`; none: it does not',
  },
} satisfies SettingTable;

/** Where telemetry goes. */
export const influxSettings = {
  influxUrl: {
    kind: 'text',
    default: '',
    help: 'of an InfluxDB to write to; none: a device’s points go to the coordinator, whose stay in files',
  },
  influxDatabase: { kind: 'text', default: 'fleetune', help: 'InfluxDB database' },
  influxUser: { kind: 'text', default: '', help: 'InfluxDB user' },
  influxPassword: { kind: 'text', default: '', help: 'InfluxDB password' },
  influxCa: {
    kind: 'text',
    default: '',
    help: 'file of the authority of an https:// InfluxDB, besides the system’s; none: ca.crt of --tls',
  },
} satisfies SettingTable;
