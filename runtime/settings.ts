import { readFileSync } from 'node:fs';
import { parse, YAMLParseError } from 'yaml';
import { Refusal } from '../schemas/refusal.js';
import { checkSettings, type Setting, type SettingsOf, type SettingTable } from '../schemas/settings.js';
import { flagOf, type Raw, readFlags } from './flags.js';
import { told } from './log.js';

/** Where a service's settings come from. Precedence: flags, environment, YAML file, defaults of the table. */
export interface SettingSources {
  /** The command line after the command's name. */
  argv: readonly string[];
  env: Record<string, string | undefined>;
  /** What the user typed to get here, as `fleetune broker`. */
  command: string;
  summary: string;
}

/** What every command understands besides its own settings. */
export const everywhere = {
  config: { kind: 'text', default: '', help: 'a YAML file of these settings; keys as maxPacketBytes' },
  help: { kind: 'flag', default: false, help: 'this text' },
} satisfies SettingTable;

/**
 * The settings of a service, checked and frozen. `--help` prints the table and ends the process.
 * @throws Refusal that lists all problems, each with its origin and what was expected
 */
export function readSettings<T extends SettingTable>(table: T, sources: SettingSources): SettingsOf<T> {
  return readArguments(table, sources, 0).settings;
}

/**
 * As readSettings, for commands that take operands (words that belong to no flag), at most `maxOperands`, or
 * that must know which settings somebody gave.
 */
export function readArguments<T extends SettingTable>(
  table: T,
  sources: SettingSources,
  maxOperands: number,
): { settings: SettingsOf<T>; operands: string[]; given: ReadonlySet<string> } {
  const { argv, env, command, summary } = sources;
  const { raw: flags, operands, problems } = readFlags({ ...everywhere, ...table }, argv);
  if (flags.get('help')?.value === true) {
    process.stdout.write(helpText(command, summary, table));
    process.exit(0);
  }
  for (const word of operands.slice(maxOperands)) problems.push(`${word}: a word that belongs to no flag`);
  const own = (key: string) => Object.hasOwn(table, key); // `fleetune model init --config` is another file.
  const config = own('config') ? undefined : (flags.get('config')?.value ?? env[variableOf('config')]);
  for (const key of Object.keys(everywhere)) if (!own(key)) flags.delete(key);
  const raw = new Map<string, Raw>([
    ...(config ? readFile(String(config), problems) : []),
    ...readEnvironment(table, env),
    ...flags,
  ]);
  const values = Object.fromEntries([...raw].map(([key, { value }]) => [key, value]));
  const checked = checkSettings(table, values, (key) => raw.get(key)?.from ?? key);
  problems.push(...checked.problems);
  if (problems.length === 0) return { settings: checked.settings, operands, given: new Set(raw.keys()) };
  const list = problems.length === 1 ? ` ${problems[0]}` : problems.map((p) => `\n  ${p}`).join('');
  throw new Refusal(`${command}:${list}\n(${command} --help lists its settings)`);
}

/** The text of `--help`, made from the table. */
export function helpText(command: string, summary: string, table: SettingTable): string {
  const rows = Object.entries({ ...table, ...without(everywhere, table) }).map(
    ([key, setting]): [string, string] => [
      `--${flagOf(key)}${placeholder(setting)}`,
      Object.hasOwn(table, key) ? `${setting.help} (${described(setting)})` : setting.help,
    ],
  );
  const width = Math.max(...rows.map(([flag]) => flag.length)) + 2;
  const lines = rows.map(([flag, help]) => `  ${flag.padEnd(width)}${help}`);
  const keys = Object.keys(table);
  const key = keys.find((name) => /[A-Z]/.test(name)) ?? keys[0] ?? 'log';
  return [
    `${command}: ${summary}`,
    '',
    ...lines,
    '',
    `Each can be given as an environment variable too: ${variableOf(key)} for --${flagOf(key)}.`,
    'A flag goes before the environment, the environment before the file, the file before the default.',
    '',
  ].join('\n');
}

const without = (some: SettingTable, others: SettingTable): SettingTable =>
  Object.fromEntries(Object.entries(some).filter(([key]) => !Object.hasOwn(others, key)));

/** maxPacketBytes → FLEETUNE_MAX_PACKET_BYTES. */
export const variableOf = (key: string) => `FLEETUNE_${flagOf(key).replaceAll('-', '_').toUpperCase()}`;

/**
 * Variables of other services may be set as well, so only those of the table are looked at; empty is unset.
 */
function readEnvironment(table: SettingTable, env: SettingSources['env']): [string, Raw][] {
  return Object.keys(table).flatMap((key): [string, Raw][] => {
    const value = env[variableOf(key)];
    return value ? [[key, { from: variableOf(key), value }]] : [];
  });
}

function readFile(path: string, problems: string[]): [string, Raw][] {
  try {
    const value: unknown = parse(readFileSync(path, 'utf8')) ?? {};
    if (typeof value === 'object' && !Array.isArray(value))
      return Object.entries(value as object).map(([key, v]) => [key, { from: `${path}: ${key}`, value: v }]);
    problems.push(`${path}: expected lines of "key: value"`);
  } catch (error) {
    const [where] = error instanceof YAMLParseError ? (error.linePos ?? []) : [];
    const line = where ? `:${where.line}` : '';
    problems.push(`${path}${line}: not a readable YAML file (${told(error).split('\n')[0]})`);
  }
  return [];
}

const placeholder = (setting: Setting) =>
  setting.kind === 'flag'
    ? ''
    : ` ${{ integer: 'N', number: 'X', text: 'TEXT', choice: 'WORD', list: 'A,B' }[setting.kind]}`;

function described(setting: Setting): string {
  const standard = setting.kind === 'list' ? setting.default.join(',') : String(setting.default);
  const choices = setting.kind === 'choice' ? `${setting.choices.join(', ')}; ` : '';
  return `${choices}default ${standard === '' ? 'none' : standard}`;
}
