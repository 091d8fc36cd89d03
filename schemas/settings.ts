import { Refusal } from './refusal.js';

/** One setting of a table: what it may be, what it is when nobody says, and what it means. */
export type Setting =
  | { kind: 'integer' | 'number'; default: number; min: number; max: number; help: string }
  | ({ kind: 'text'; default: string; help: string; pattern?: RegExp; expected?: string } & Reading)
  | { kind: 'choice'; default: string; choices: readonly string[]; help: string }
  | ({ kind: 'list'; default: readonly string[]; help: string; expected?: string } & Reading)
  | { kind: 'flag'; default: boolean; help: string };

/** How a text, or each item of a list, is looked at beyond a pattern. */
interface Reading {
  /** As it is used, or undefined where it is not what is `expected`. */
  read?: (text: string) => string | undefined;
  /** Of one that is refused: what may be shown of it. */
  shown?: (text: string) => string;
}

export type SettingTable = Record<string, Setting>;

type ValueOf<S extends Setting> = S extends { kind: 'integer' | 'number' }
  ? number
  : S extends { kind: 'flag' }
    ? boolean
    : S extends { kind: 'list' }
      ? readonly string[]
      : S extends { kind: 'choice'; choices: readonly (infer C)[] }
        ? C
        : string;

export type SettingsOf<T extends SettingTable> = { readonly [K in keyof T]: ValueOf<T[K]> };

/**
 * Checks a record of raw values (from YAML, JSON, flags or the environment; text is accepted for every kind)
 * against a table. Absent keys take their default. All problems are gathered: each names its key and what was
 * expected.
 * @param named what a problem calls a key, where the user knows it by another name (a flag, a line of a file)
 */
export function checkSettings<T extends SettingTable>(
  table: T,
  raw: Record<string, unknown>,
  named: (key: string) => string = (key) => key,
): { settings: SettingsOf<T>; problems: string[] } {
  const problems: string[] = [];
  for (const key of Object.keys(raw)) {
    if (Object.hasOwn(table, key)) continue;
    const near = nearest(key, Object.keys(table));
    problems.push(`${named(key)}: no such setting${near ? ` (did you mean ${near}?)` : ''}`);
  }
  const settings: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries(table)) {
    const value = Object.hasOwn(raw, key) ? raw[key] : undefined;
    const checked =
      value === undefined || value === null ? { value: setting.default } : checkOne(setting, value);
    if ('expected' in checked)
      problems.push(`${named(key)}: ${JSON.stringify(checked.shown ?? value)} is not ${checked.expected}`);
    else settings[key] = checked.value;
  }
  return { settings: Object.freeze(settings) as SettingsOf<T>, problems };
}

/** As checkSettings, but throws one Refusal that lists all problems, after `source`. */
export function requireSettings<T extends SettingTable>(
  table: T,
  raw: Record<string, unknown>,
  source: string,
) {
  const { settings, problems } = checkSettings(table, raw);
  if (problems.length > 0) throw new Refusal(`${source}: ${problems.join('; ')}`);
  return settings;
}

type Checked = { value: unknown } | { expected: string; shown?: string };

function checkOne(setting: Setting, value: unknown): Checked {
  switch (setting.kind) {
    case 'integer':
    case 'number': {
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
      const whole = setting.kind === 'integer';
      const fits = typeof number === 'number' && number >= setting.min && number <= setting.max;
      if (fits && (!whole || Number.isInteger(number))) return { value: number };
      return { expected: `a ${whole ? 'whole ' : ''}number from ${setting.min} to ${setting.max}` };
    }
    case 'flag':
      if (value === true || value === 'true' || value === '1') return { value: true };
      if (value === false || value === 'false' || value === '0') return { value: false };
      return { expected: 'true or false' };
    case 'choice':
      return setting.choices.includes(value as string)
        ? { value }
        : { expected: `one of ${setting.choices.join(', ')}` };
    case 'list': {
      const items = typeof value === 'string' ? value.split(',').map((item) => item.trim()) : value;
      const fits = Array.isArray(items) && items.every((item) => typeof item === 'string' && item !== '');
      if (!fits) return { expected: 'a list of words' };
      const { read = (item) => item, expected = '' } = setting;
      const wrong = items.find((item) => read(item) === undefined);
      return wrong === undefined ? { value: Object.freeze(items.map(read)) } : { expected, shown: wrong };
    }
    case 'text': {
      const text = typeof value === 'number' ? String(value) : value;
      if (typeof text !== 'string') return { expected: 'text' };
      if (setting.pattern && !setting.pattern.test(text))
        return { expected: setting.expected ?? `text like ${setting.pattern}` };
      const { read = (whole) => whole, shown = (whole) => whole, expected = '' } = setting;
      const used = read(text);
      return used === undefined ? { expected, shown: shown(text) } : { value: used };
    }
  }
}

/** The key that differs from an unknown one only in its end, its case or its marks, if any. */
export function nearest(key: string, keys: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, '');
  const wanted = plain(key);
  return wanted === ''
    ? undefined
    : keys.find((k) => plain(k).startsWith(wanted) || wanted.startsWith(plain(k)));
}
