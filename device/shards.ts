import { Refusal } from '../schemas/refusal.js';
import { chooseFields, type FieldChoice, type FieldNames } from './shard-fields.js';
import { rowsOf } from './shard-rows.js';
import { readText } from './shard-text.js';
import type { Example } from './trainer-messages.js';

/** A text, its summary, and what else its row said, as text. */
export interface Row extends Example {
  other: Record<string, string>;
}

export interface ReadOptions extends FieldChoice {
  /** Rows at most; the others are not looked at. */
  limit?: number;
  /** Of the file, and of its text once unpacked. */
  maxBytes?: number;
}

export interface Shard {
  examples: Row[];
  /** Rows without a dialogue or without a summary. */
  skipped: { empty: number };
  fields: FieldNames;
}

export const maxShardBytes = 256 * 1024 * 1024;

/**
 * Dialogues and summaries of a JSON array, JSON Lines or CSV file with a header, gzipped or not; its content
 * tells which, not its name.
 * @throws Refusal that names the file and, where there is one, the line; it never quotes the text, nor
 * fields unless it is asked to
 */
export async function readExamples(path: string, options: ReadOptions = {}): Promise<Shard> {
  const text = await readText(path, options.maxBytes ?? maxShardBytes);
  const rows = await rowsOf(text, path);
  if (rows.length === 0) throw new Refusal(`${path}: no rows in it`);
  const fields = chooseFields(rows, path, options);
  const limit = options.limit ?? Number.POSITIVE_INFINITY;
  const examples: Row[] = [];
  let empty = 0;
  for (const { values, line } of rows) {
    if (examples.length >= limit) break;
    const where = `${path} line ${line}`;
    const source = textOf(values[fields.dialogue], fields.dialogue, where);
    const target = textOf(values[fields.summary], fields.summary, where);
    if (source === '' || target === '') empty++;
    else examples.push({ source, target, other: others(values, fields) });
  }
  if (examples.length === 0)
    throw new Refusal(`${path}: no example in it: each of its ${empty} rows lacks a dialogue or a summary`);
  return { examples, skipped: { empty }, fields };
}

function textOf(value: unknown, field: string, where: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw new Refusal(`${where}: field ${field} is not text`);
  return value.replaceAll('\r\n', '\n').trim();
}

function others(values: Record<string, unknown>, fields: FieldNames): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [key, value] of Object.entries(values)) {
    if (key === fields.dialogue || key === fields.summary) continue;
    if (['string', 'number', 'boolean'].includes(typeof value)) out[key] = String(value);
  }
  return out;
}
