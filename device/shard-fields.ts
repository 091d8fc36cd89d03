import { Refusal } from '../schemas/refusal.js';
import type { RawRow } from './shard-rows.js';

export interface FieldNames {
  dialogue: string;
  summary: string;
  /** All that the first rows have, in their order. */
  all: string[];
}

/** Usual names, the likeliest first. */
const usual = {
  dialogue: [
    ...['dialogue', 'dialog', 'conversation', 'transcript', 'document', 'article'],
    ...['text', 'source', 'input', 'content', 'body'],
  ],
  summary: [
    ...['summary', 'summaries', 'summary1', 'section_text', 'highlights', 'abstract', 'headline'],
    ...['note', 'target', 'output', 'title'],
  ],
};

const looked = 100;

/** How fields are chosen, and who hears of it where they can't be. */
export interface FieldChoice {
  /** '' or absent: detected. */
  dialogueField?: string;
  summaryField?: string;
  /**
   * A refusal lists the fields there are: for a person before the data alone. A device's refusals leave it,
   * and the fields of a CSV file without a header are its first line of text.
   */
  tell?: 'fields';
}

/** Which field is the text and which its summary: as named, else by their usual names. @throws Refusal */
export function chooseFields(rows: readonly RawRow[], path: string, named: FieldChoice): FieldNames {
  const all = [...new Set(rows.slice(0, looked).flatMap(({ values }) => Object.keys(values)))];
  const there = named.tell === 'fields' ? `it has ${listed(all)}` : `it has ${all.length} fields`;
  const choose = (role: 'dialogue' | 'summary', name: string | undefined, taken?: string) => {
    if (name && !all.includes(name)) throw new Refusal(`${path}: no field named ${name}: ${there}`);
    const found =
      name ||
      usual[role]
        .map((known) => all.find((field) => field.toLowerCase() === known && field !== taken))
        .find((field) => field !== undefined);
    if (!found)
      throw new Refusal(`${path}: no field is called like a ${role}: ${there}; name it with --${role}-field`);
    return found;
  };
  const dialogue = choose('dialogue', named.dialogueField);
  const summary = choose('summary', named.summaryField, dialogue);
  if (dialogue === summary)
    throw new Refusal(`${path}: field ${dialogue} can't be both dialogue and summary`);
  return { dialogue, summary, all };
}

const listed = (all: string[]) =>
  all.length === 0 ? 'none' : `${all.slice(0, 20).join(', ')}${all.length > 20 ? ', …' : ''}`;
