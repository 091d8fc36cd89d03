import { readFileSync } from 'node:fs';
import { parse, YAMLParseError } from 'yaml';
import { Refusal } from '../schemas/refusal.js';
import { checkSettings, type Setting, type SettingsOf, type SettingTable } from '../schemas/settings.js';
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

/** Where a raw value came from, as the user would name it: `--port`, `FLEETUNE_PORT`, `broker.yaml: port`. */
interface Raw {
  from: string;
  value: unknown;
}

/**
 * The settings of a service, checked and frozen. `--help` prints the table and ends the process.
 * @throws Refusal that lists all problems, each with its origin and what was expected
 */
export function readSettings<T extends SettingTable>(table: T, sources: SettingSources): SettingsOf<T> {
  return readArguments(table, sources, 0).settings;
}

/**
 * As readSettings, for commands that take operands (words that belong to no flag), at most `maxOperands`, or that must
 * know which settings somebody gave.
 */
export function readArguments<T extends SettingTable>(
  table: T,
  sources: SettingSources,
  maxOperands: number,
): { settings: SettingsOf<T>; operands: string[]; given: ReadonlySet<string> } {
  const { argv, env, command, summary } = sources;
  const flags = readFlags(table, argv);
  if (flags.help) {
    process.stdout.write(helpText(command, summary, table));
    process.exit(0);
  }
  const problems = [...flags.problems];
  for (const word of flags.operands.slice(maxOperands))
    problems.push(`${word}: a word that belongs to no flag`);
  const config = 'config' in table ? undefined : (flags.config ?? env[variableOf('config')]);
  const raw = new Map<string, Raw>([
    ...(config ? readFile(config, problems) : []),
    ...readEnvironment(table, env),
    ...flags.raw,
  ]);
  const values = Object.fromEntries([...raw].map(([key, { value }]) => [key, value]));
  const checked = checkSettings(table, values, (key) => raw.get(key)?.from ?? key);
  problems.push(...checked.problems);
  if (problems.length > 0) {
    const [only] = problems;
    const list = problems.length === 1 ? ` ${only}` : problems.map((p) => `\n  ${p}`).join('');
    throw new Refusal(`${command}:${list}\n(${command} --help lists its settings)`);
  }
  return { settings: checked.settings, operands: flags.operands, given: new Set(raw.keys()) };
}

/** The text of `--help`, made from the table. */
export function helpText(command: string, summary: string, table: SettingTable): string {
  const rows = Object.entries(table).map(([key, setting]) => [
    `--${flagOf(key)}${placeholder(setting)}`,
    `${setting.help} (${described(setting)})`,
  ]);
  rows.push([
    '--config FILE',
    'a YAML file of these settings, keys as maxPacketBytes for --max-packet-bytes',
  ]);
  rows.push(['--help', 'this text']);
  const width = Math.max(...rows.map(([flag]) => flag!.length)) + 2;
  const lines = rows.map(([flag, help]) => `  ${flag!.padEnd(width)}${help}`);
  return [
    `${command}: ${summary}`,
    '',
    ...lines,
    '',
    'Each can be given as an environment variable too: FLEETUNE_MAX_PACKET_BYTES for --max-packet-bytes.',
    'A flag goes before the environment, the environment before the file, the file before the default.',
    '',
  ].join('\n');
}

/** maxPacketBytes → max-packet-bytes. */
export const flagOf = (key: string) => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** maxPacketBytes → FLEETUNE_MAX_PACKET_BYTES. */
export const variableOf = (key: string) => `FLEETUNE_${flagOf(key).replaceAll('-', '_').toUpperCase()}`;

interface Flags {
  raw: Map<string, Raw>;
  operands: string[];
  problems: string[];
  config?: string;
  help: boolean;
}

function readFlags(table: SettingTable, argv: readonly string[]): Flags {
  const keys = new Map(Object.keys(table).map((key) => [flagOf(key), key]));
  const out: Flags = { raw: new Map(), operands: [], problems: [], help: false };
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (word === '--') {
      out.operands.push(...argv.slice(i + 1));
      break;
    }
    if (word === '--help' || word === '-h') out.help = true;
    else if (!word.startsWith('-') || /^-\d/.test(word) || word === '-') out.operands.push(word);
    else {
      const [name, given] = splitFlag(word);
      const key = keys.get(name);
      const off = key ? undefined : keys.get(name.replace(/^no-/, ''));
      const isFlag = key !== undefined && table[key]!.kind === 'flag';
      // A flag stands alone; every other setting takes the next word, which may be a negative number.
      const next = argv[i + 1];
      const takesNext = isFlag
        ? next === 'true' || next === 'false'
        : next !== undefined && !/^--/.test(next);
      if (off && table[off]!.kind === 'flag' && given === undefined)
        out.raw.set(off, { from: word, value: false });
      else if (!key && name !== 'config') out.problems.push(unknownFlag(word, name, [...keys.keys()]));
      else {
        const value = given ?? (takesNext ? argv[++i] : isFlag ? true : undefined);
        if (value === undefined) out.problems.push(`--${name}: needs a value`);
        else if (!key) out.config = String(value);
        else out.raw.set(key, { from: `--${name}`, value: joined(table[key]!, out.raw.get(key), value) });
      }
    }
  }
  return out;
}

function splitFlag(word: string): [name: string, value: string | undefined] {
  const at = word.indexOf('=');
  const name = at < 0 ? word : word.slice(0, at);
  return [name.replace(/^--?/, ''), at < 0 ? undefined : word.slice(at + 1)];
}

/** A list's flag may be repeated; of any other the last counts. */
const joined = (setting: Setting, before: Raw | undefined, value: string | boolean) =>
  setting.kind === 'list' && before ? `${before.value},${value}` : value;

function unknownFlag(word: string, name: string, names: string[]): string {
  const plain = (text: string) => text.toLowerCase().replaceAll('-', '');
  const near = names.find((n) => plain(n).startsWith(plain(name)) || plain(name).startsWith(plain(n)));
  return `${word}: no such flag${near && name ? ` (did you mean --${near}?)` : ''}`;
}

/** Variables of other services may be set as well, so only those of the table are looked at; empty is unset. */
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
