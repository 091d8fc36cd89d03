import type { Point } from '../schemas/messages.js';

/**
 * A point as one line of InfluxDB's line protocol, its time in milliseconds. Fields that are not finite and
 * empty tags are left out; undefined where no field is left.
 */
export function lineOf(point: Point): string | undefined {
  const fields = Object.entries(point.fields)
    .filter(([, value]) => Number.isFinite(value))
    .map(([key, value]) => `${escaped(key, /[,= ]/g)}=${value}`);
  if (fields.length === 0) return undefined;
  const tags = Object.entries(point.tags)
    .filter(([, value]) => value !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1)) // The order in which InfluxDB takes them fastest.
    .map(([key, value]) => `,${escaped(key, /[,= ]/g)}=${escaped(value, /[,= ]/g)}`);
  const series = escaped(point.measurement, /[, ]/g) + tags.join('');
  return `${series} ${fields.join(',')} ${Math.round(point.timeMs)}`;
}

// The protocol has no way to write a line's end in a name, and none to write a backslash before a separator.
const escaped = (text: string, separators: RegExp) =>
  text
    .replace(/[\r\n]+/g, ' ')
    .replaceAll('\\', '/')
    .replace(separators, '\\$&');

/** The point of a line that lineOf wrote; undefined for any other line. */
export function parseLine(line: string): Point | undefined {
  const [series, fields, time, ...rest] = parts(line, ' ');
  if (!series || !fields || !time || !/^-?\d+$/.test(time) || rest.length > 0) return undefined;
  const [measurement, ...tagTexts] = parts(series, ',');
  const point: Point = { measurement: plain(measurement ?? ''), tags: {}, fields: {}, timeMs: Number(time) };
  for (const text of tagTexts) {
    const [key, value] = parts(text, '=');
    if (!key || !value) return undefined;
    point.tags[plain(key)] = plain(value);
  }
  for (const text of parts(fields, ',')) {
    const [key, value] = parts(text, '=');
    if (!key || !value || !Number.isFinite(Number(value))) return undefined;
    point.fields[plain(key)] = Number(value);
  }
  return point.measurement === '' ? undefined : point;
}

/** Splits at a separator that no backslash precedes. */
const parts = (text: string, separator: string) => text.split(new RegExp(`(?<!\\\\)${separator}`));
const plain = (text: string) => text.replace(/\\([,= ])/g, '$1');

/** The time of a line that lineOf wrote, in milliseconds. */
export const lineTimeMs = (line: string) => Number(line.slice(line.lastIndexOf(' ') + 1));

/** Lines that lineOf wrote, their times moved. */
export function retimed(lines: string[], addMs: number): string[] {
  if (addMs === 0) return lines;
  return lines.map((line) => `${line.slice(0, line.lastIndexOf(' '))} ${lineTimeMs(line) + addMs}`);
}
