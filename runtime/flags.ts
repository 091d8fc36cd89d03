import { nearest, type Setting, type SettingTable } from '../schemas/settings.js';

/**
 * A value as somebody wrote it, and where, as the user would name it: `--port`, `FLEETUNE_PORT`, `a.yaml:
 * port`.
 */
export interface Raw {
  from: string;
  value: unknown;
}

export interface Flags {
  /** Key of the table → what the command line says. */
  raw: Map<string, Raw>;
  /** Words that belong to no flag. */
  operands: string[];
  problems: string[];
}

/** maxPacketBytes → max-packet-bytes. */
export const flagOf = (key: string) => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/**
 * Takes a command line apart. `--port 1`, `--port=1`, `--insecure`, `--no-insecure`; a list's flag may be
 * repeated, of any other the last counts; a value may be a negative number; after `--` all are operands.
 */
export function readFlags(table: SettingTable, argv: readonly string[]): Flags {
  const out: Flags = { raw: new Map(), operands: [], problems: [] };
  const words = argv.map((word) => (word === '-h' ? '--help' : word));
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '--') out.operands.push(...words.splice(0));
    else if (/^--|^-[A-Za-z]/.test(word)) readFlag(table, word, words, out);
    else out.operands.push(word);
  }
  return out;
}

/** Reads one flag, and its value from the words behind it where it takes one. */
function readFlag(table: SettingTable, word: string, words: string[], out: Flags): void {
  const [, flag = word, given] = /^([^=]*)=(.*)$/s.exec(word) ?? [];
  const keyOf = (text: string) => Object.keys(table).find((key) => `--${flagOf(key)}` === text);
  const off = keyOf(flag.replace(/^--no-/, '--'));
  const key = keyOf(flag);
  if (!key && off && table[off]!.kind === 'flag' && given === undefined) {
    out.raw.set(off, { from: flag, value: false });
    return;
  }
  if (!key) {
    const near = nearest(flag, Object.keys(table));
    out.problems.push(`${flag}: no such flag${near ? ` (did you mean --${flagOf(near)}?)` : ''}`);
    return;
  }
  const setting = table[key]!;
  const value = given ?? nextValue(setting, words);
  if (value === undefined) out.problems.push(`${flag}: needs a value`);
  else out.raw.set(key, { from: flag, value: joined(setting, out.raw.get(key), value) });
}

/** A flag is true by itself; every other setting takes the next word, unless that is a flag. */
function nextValue(setting: Setting, words: string[]): string | true | undefined {
  const [next] = words;
  if (setting.kind === 'flag') return next === 'true' || next === 'false' ? words.shift() : true;
  return next === undefined || next.startsWith('--') ? undefined : words.shift();
}

const joined = (setting: Setting, before: Raw | undefined, value: string | true) =>
  setting.kind === 'list' && before ? `${before.value},${value}` : value;
