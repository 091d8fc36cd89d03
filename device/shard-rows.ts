import { Refusal } from '../schemas/refusal.js';

/** A row of a file before anybody looked at its fields, and the line where it begins. */
export interface RawRow {
  values: Record<string, unknown>;
  line: number;
}

/** The rows of a JSON array, JSON Lines or CSV text. @throws Refusal that names `path` and the line */
export async function rowsOf(text: string, path: string): Promise<RawRow[]> {
  const first = /\S/.exec(text)?.[0];
  if (first === undefined) throw new Refusal(`${path}: empty`);
  if (first === '[') return arrayRows(text, path);
  if (first === '{') return lineRows(text, path);
  return csvRows(text, path);
}

function lineRows(text: string, path: string): RawRow[] {
  const rows: RawRow[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() !== '') rows.push(row(line, index + 1, path, 'expected one JSON object a line'));
  }
  return rows;
}

/** Takes the array apart by itself: JSON.parse names no line, and quotes the text in its errors. */
function arrayRows(text: string, path: string): RawRow[] {
  const rows: RawRow[] = [];
  const bracket = text.indexOf('[');
  let line = lineEnds(text, 0, bracket) + 1;
  let at = bracket + 1;
  for (;;) {
    const start = at;
    at = elementEnd(text, at);
    const element = text.slice(start, at);
    const begins = line + lineEnds(element, 0, element.search(/\S|$/));
    line += lineEnds(element, 0, element.length);
    const end = text[at];
    if (end === undefined)
      throw new Refusal(`${path} line ${line}: the JSON array has no end: was it cut short?`);
    if (element.trim() !== '' || end === ',' || rows.length > 0)
      rows.push(row(element, begins, path, 'expected an array of JSON objects'));
    at++;
    if (end === ']') break;
  }
  const rest = text.slice(at).search(/\S/);
  if (rest >= 0) {
    const where = line + lineEnds(text, at, at + rest);
    throw new Refusal(`${path} line ${where}: something follows the end of the JSON array`);
  }
  return rows;
}

/** Where the comma or bracket is that ends an array's element; the text's end where there is none. */
function elementEnd(text: string, from: number): number {
  const stops = /["[\]{},]/g;
  let depth = 0;
  for (stops.lastIndex = from; ; ) {
    const stop = stops.exec(text);
    if (!stop) return text.length;
    const character = stop[0];
    if (character === '"') stops.lastIndex = stringEnd(text, stop.index + 1);
    else if (depth === 0 && (character === ',' || character === ']')) return stop.index;
    else if (character === '{' || character === '[') depth++;
    else if (character !== ',') depth--;
  }
}

/** The place behind the quotation mark that ends a string which began before `from`. */
function stringEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}

function row(json: string, line: number, path: string, expected: string): RawRow {
  let values: unknown;
  try {
    values = JSON.parse(json);
  } catch {
    throw new Refusal(`${path} line ${line}: not JSON: ${expected}`);
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values))
    throw new Refusal(`${path} line ${line}: not a JSON object: ${expected}`);
  return { values: values as Record<string, unknown>, line };
}

async function csvRows(text: string, path: string): Promise<RawRow[]> {
  const header = text.slice(0, (text.indexOf('\n') + 1 || text.length + 1) - 1);
  const delimiter = [',', ';', '\t']
    .map((mark) => ({ mark, count: header.split(mark).length - 1 }))
    .reduce((a, b) => (b.count > a.count ? b : a));
  if (delimiter.count === 0)
    throw new Refusal(`${path} line 1: neither JSON, JSON Lines nor the header of a CSV file`);
  const { CsvError, parse } = await import('csv-parse/sync');
  try {
    const parsed = parse(text, {
      columns: true,
      delimiter: delimiter.mark,
      info: true,
      skip_empty_lines: true,
      trim: true,
    }) as unknown as { record: Record<string, string>; info: { lines: number } }[];
    return parsed.map(({ record, info }) => ({ values: record, line: info.lines }));
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    const { lines = 1 } = cause as { lines?: number };
    throw new Refusal(`${path} line ${lines}: not CSV as its header says (${csvProblem(cause.code)})`);
  }
}

/** CSV_RECORD_INCONSISTENT_COLUMNS → record inconsistent columns: the parser's messages quote the text. */
const csvProblem = (code: string) => code.replace(/^CSV_/, '').replaceAll('_', ' ').toLowerCase();

function lineEnds(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
