import { accessRows, checkNames, emqxAcl, mosquittoAcl } from '../broker/acl.js';
import { readSettings } from '../runtime/settings.js';
import { Refusal } from '../schemas/refusal.js';
import { roles } from '../schemas/roles.js';
import type { SettingTable } from '../schemas/settings.js';
import { namePattern } from '../schemas/topics.js';
import type { CommandTitle } from './commands.js';
import { table } from './tables.js';

export const accessSettings = {
  for: {
    kind: 'choice',
    default: 'people',
    choices: ['people', 'mosquitto', 'emqx'],
    help: 'a table to read, or the ACL file of a broker',
  },
  fleet: { kind: 'text', default: '+', help: 'the fleet that the file is for; +: every fleet' },
  coordinators: { kind: 'list', default: ['coordinator'], help: 'user names with that role at the broker' },
  operators: { kind: 'list', default: ['operator'], help: 'likewise' },
  viewers: { kind: 'list', default: ['viewer'], help: 'likewise; every other user name is a device' },
} satisfies SettingTable;

/** `fleetune access`: who may do what at which topic, for people or for another broker. */
export async function showAccess(argv: readonly string[], { name, summary }: CommandTitle): Promise<void> {
  const settings = readSettings(accessSettings, { argv, env: process.env, command: name, summary });
  const { fleet, coordinators: coordinator, operators: operator, viewers: viewer } = settings;
  if (fleet !== '+' && !namePattern.test(fleet))
    throw new Refusal(`--fleet: ${JSON.stringify(fleet)} is not a name of letters, digits, _ and -, or +`);
  const names = { coordinator, operator, viewer };
  checkNames(names);
  const text = {
    people: () => `${tableText()}\n`,
    mosquitto: () => mosquittoAcl(names, fleet),
    emqx: () => emqxAcl(names, fleet),
  }[settings.for as 'people' | 'mosquitto' | 'emqx'];
  process.stdout.write(text());
}

const tableText = () =>
  table(
    [
      { title: 'topic', cell: (row) => row.topic },
      ...roles.map((role) => ({ title: role, cell: (row: Row) => row.may[role] })),
    ],
    accessRows(),
  );

type Row = ReturnType<typeof accessRows>[number];
