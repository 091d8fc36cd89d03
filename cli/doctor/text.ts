import { Refusal } from '../../schemas/refusal.js';
import { counted } from '../tables.js';
import { type Check, type Finding, note, ok, problem } from './check.js';

/** The text that a device trains on and evaluates on. It is counted, and never quoted. */
export const text: Check = {
  apart: true,
  limitMs: 60_000,
  applies: ({ service }) => service === 'device',
  async look({ settings }) {
    const { data, evaluation, dialogueField, summaryField } = settings;
    const fields = { dialogueField, summaryField };
    return [
      await counts(data, fields, 'train on', '--data', 'it never trains'),
      await counts(evaluation, fields, 'evaluate on', '--evaluation', 'it never evaluates'),
    ];
  },
};

async function counts(
  path: string,
  fields: { dialogueField: string; summaryField: string },
  use: string,
  flag: string,
  without: string,
): Promise<Finding> {
  if (path === '') return note(`no text to ${use} (${flag}): ${without}`);
  const { readExamples } = await import('../../device/shards.js');
  try {
    const { examples, skipped } = await readExamples(path, fields);
    const left = skipped.empty > 0 ? `, ${skipped.empty} rows left out: no dialogue or no summary` : '';
    return ok(`${path}: ${counted(examples.length, 'example')} to ${use}${left}`);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return problem(error.message, `mend it, or give another file with ${flag}`);
  }
}
