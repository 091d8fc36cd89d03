import { readArguments } from '../../runtime/settings.js';
import { brokerAddressOrNone, hostItems } from '../../schemas/addresses.js';
import { Refusal } from '../../schemas/refusal.js';
import { certificateRoles } from '../../schemas/roles.js';
import { healthSettings, logSettings, nameSetting } from '../../schemas/service-settings.js';
import type { SettingsOf, SettingTable } from '../../schemas/settings.js';
import { namePattern } from '../../schemas/topics.js';
import type { CommandTitle } from '../commands.js';

const ca = { kind: 'text', default: './ca', help: 'folder of the authority' } as const;
const days = {
  kind: 'number',
  default: 90,
  min: 0.001,
  max: 3650,
  help: 'that a certificate is valid; services renew it when two thirds are over',
} as const;
const fleet = {
  kind: 'text',
  default: 'default',
  ...nameSetting,
  help: 'that is told to who is let in',
} as const;
const broker = {
  kind: 'text',
  default: '',
  ...brokerAddressOrNone,
  help: 'URL that is told to who is let in, as mqtts://server:8883',
} as const;
const role = {
  kind: 'choice',
  default: 'device',
  choices: certificateRoles,
  help: 'of whom it is for',
} as const;
const hosts = {
  kind: 'list',
  default: [],
  ...hostItems,
  help: 'names and addresses by which others reach it; a broker needs them',
} as const;
const authority = {
  kind: 'text',
  default: '',
  help: 'URL of the authority (fleetune ca serve), as https://server:8884',
} as const;

export const caInitSettings = {
  ca,
  name: {
    kind: 'text',
    default: 'Fleetune authority',
    pattern: /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/,
    expected: 'letters, digits, spaces, . _ and -',
    help: 'of the authority, in its certificate',
  },
  years: { kind: 'number', default: 20, min: 0.01, max: 100, help: 'that the authority is valid' },
} satisfies SettingTable;

export const caSetupSettings = {
  ca,
  years: caInitSettings.years,
  members: {
    kind: 'list',
    default: ['broker:broker', 'coordinator:coordinator', 'operator:operator'],
    help: 'who gets a bundle: role and name, as device:barn',
  },
  ...{ hosts, days, broker, fleet, authority },
  out: { kind: 'text', default: './tls', help: 'folder in which each bundle has a folder of its name' },
  at: { kind: 'text', default: '', help: 'path where each bundle will lie for its service; none: as it is' },
} satisfies SettingTable;

export const caServeSettings = {
  ca,
  host: { kind: 'text', default: '0.0.0.0', help: 'address to listen on; it speaks nothing but TLS' },
  port: { kind: 'integer', default: 8884, min: 0, max: 65_535, help: 'of HTTPS; 0: any free one' },
  hosts: { ...hosts, help: 'names and addresses by which boards reach it; its own certificate names them' },
  ...{ days, broker, fleet },
  ...logSettings,
  ...healthSettings,
} satisfies SettingTable;

export const caListSettings = {
  ca,
  json: { kind: 'flag', default: false, help: 'print JSON, for programs' },
} satisfies SettingTable;

export const provisionSettings = {
  ...{ ca, role, hosts, days, broker, fleet, authority },
  out: { kind: 'text', default: '', help: 'folder of the bundle; none: its name, here' },
  request: {
    kind: 'text',
    default: '',
    help: 'file that `fleetune request` made on the board, whose key stays there; none: a key is made',
  },
  at: {
    kind: 'text',
    default: '',
    help: 'path where the bundle will lie on its machine; none: that of --out',
  },
} satisfies SettingTable;

export const claimSettings = {
  ...{ ca, role, hosts, authority },
  hours: { kind: 'number', default: 24, min: 0.01, max: 24 * 365, help: 'that the claim counts' },
  out: { kind: 'text', default: '', help: 'file of the token; none: it is printed' },
} satisfies SettingTable;

export const enrollSettings = {
  tls: { kind: 'text', default: './tls', help: 'folder of the bundle that is made' },
  claim: {
    kind: 'text',
    default: '',
    help: 'file of the token, deleted when it was used; none: it is the word after enroll',
  },
  connectS: {
    kind: 'number',
    default: 60,
    min: 1,
    max: 86_400,
    help: 'seconds that an authority is looked for',
  },
} satisfies SettingTable;

export const requestSettings = {
  tls: { ...enrollSettings.tls, help: 'folder of the bundle: the key waits there for its certificate' },
} satisfies SettingTable;

export const renewSettings = {
  tls: { kind: 'text', default: './tls', help: 'folder of the bundle' },
  authority,
} satisfies SettingTable;

export const revokeSettings = { ca } satisfies SettingTable;

export const passwordSettings = {
  passwords: { kind: 'text', default: './passwords', help: 'file of names, roles and password hashes' },
  role: { ...role, choices: certificateRoles.filter((r) => r !== 'broker') },
  remove: { kind: 'flag', default: false, help: 'take the name out' },
} satisfies SettingTable;

/** Settings of a command that takes one name. @throws Refusal where there is none, or it is no name */
export function readNamed<T extends SettingTable>(
  table: T,
  argv: readonly string[],
  { name: command, summary }: CommandTitle,
): { settings: SettingsOf<T>; name: string } {
  const { settings, operands } = readArguments(table, { argv, env: process.env, command, summary }, 1);
  const [name] = operands;
  if (name && namePattern.test(name)) return { settings, name };
  throw new Refusal(
    `${command}: ${name ? `"${name}" is no name` : 'needs a name'}: expected letters, digits, _ and -, as barn\n` +
      `(${command} --help lists its settings)`,
  );
}
