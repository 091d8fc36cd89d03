import { join } from 'node:path';
import { brokerSettings } from '../../broker/main.js';
import { coordinatorSettings } from '../../coordinator/main.js';
import { deviceSettings } from '../../device/main.js';
import { bundleFiles, holderOf, parseCertificate, textOf } from '../../identity/bundle.js';
import { readFlags } from '../../runtime/flags.js';
import { everywhere, readArguments } from '../../runtime/settings.js';
import { Refusal } from '../../schemas/refusal.js';
import { checkSettings, type SettingsOf, type SettingTable } from '../../schemas/settings.js';
import type { CommandTitle } from '../commands.js';
import { nearestWord } from '../suggestion.js';
import type { ServiceName, Subject } from './check.js';

/** What doctor has of its own. */
export const doctorSettings = {
  json: { kind: 'flag', default: false, help: 'print JSON, for programs' },
} satisfies SettingTable;

const tables = { broker: brokerSettings, coordinator: coordinatorSettings, device: deviceSettings };
const every = { ...brokerSettings, ...coordinatorSettings, ...deviceSettings, ...doctorSettings };
const names = Object.keys(tables) as ServiceName[];

export type DoctorSettings = SettingsOf<typeof every>;

/**
 * Reads the settings of a service from where that service would read them. Which one it is says the operand, else
 * the settings: those that only one service takes.
 * @throws Refusal as the service would; for a word that is no service
 */
export function readSubject(argv: readonly string[], { name, summary }: CommandTitle): Subject {
  const title = `${summary}: ${name} [${names.join('|')}]`;
  const sources = { argv, env: process.env, command: name, summary: title };
  const [word] = readFlags({ ...every, ...everywhere }, argv).operands;
  if (word === undefined) {
    const all = readArguments(every, sources, 0);
    const given = [...all.given].filter((key) => !Object.hasOwn(doctorSettings, key));
    const service = serviceOf(given) ?? holderOfBundle(all.settings.tls);
    return { service, settings: all.settings, given: [...all.given] };
  }
  if (!names.includes(word as ServiceName)) {
    const near = nearestWord(word, names);
    throw new Refusal(
      `${name}: ${word} is no service: ${near ? `did you mean ${near}?` : `expected ${names.join(', ')}`}`,
    );
  }
  const service = word as ServiceName;
  const own: SettingTable = { ...tables[service], ...doctorSettings };
  const { settings, given } = readArguments(own, sources, 1);
  const defaults = checkSettings(every, {}).settings;
  return { service, settings: { ...defaults, ...settings } as DoctorSettings, given: [...given] };
}

/** The service whose certificate is in a bundle; undefined where it is no service's, or can't be read: a check tells why. */
function holderOfBundle(folder: string): ServiceName | undefined {
  try {
    const pem = folder === '' ? undefined : textOf(join(folder, bundleFiles.certificate));
    const role = pem === undefined ? undefined : holderOf(parseCertificate(pem, folder)).role;
    return names.find((service) => service === role);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return undefined;
  }
}

/** The service that takes all of some settings; undefined where there are none, or several do, or no one. */
export function serviceOf(given: readonly string[]): ServiceName | undefined {
  if (given.length === 0) return undefined;
  const takers = names.filter((name) => given.every((key) => Object.hasOwn(tables[name], key)));
  return takers.length === 1 ? takers[0] : undefined;
}
