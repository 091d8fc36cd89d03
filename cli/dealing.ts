import { demoHeldOut, demoShards } from '../builtin/corpus.js';
import type { Example as BuiltinExample } from '../builtin/text.js';
import { type Row, readExamples } from '../device/shards.js';
import { type Split, splitRows } from '../device/split.js';
import type { Example } from '../device/trainer-messages.js';
import { random, shuffled } from '../schemas/random.js';
import type { DemoSettings } from './demo-settings.js';

/** What each device of the demo is given; the CLI alone knows the whole. */
export interface DealtText {
  devices: { train: Example[]; heldOut: Example[]; about: string }[];
  /** Held-out dialogues that are scored, of how many there are. */
  scored: number;
  heldOut: number;
  /** What a user should know of the files. */
  notes: string[];
}

/** Deals training and held-out text to the demo's devices, seeded. @throws Refusal for a file that can't be used */
export async function dealText(settings: DemoSettings): Promise<DealtText> {
  return settings.data === '' ? dealBuiltin(settings) : dealFiles(settings);
}

function dealBuiltin({ devices, examples, run }: DemoSettings): DealtText {
  const shards = demoShards({ devices, perDevice: examples, seed: run.seed });
  const wanted = run.evaluationExamples > 0 ? run.evaluationExamples * devices : defaultHeldOut;
  const heldOut = dealEvenly(demoHeldOut(wanted, run.seed).map(plain), devices, 0);
  return {
    devices: shards.map((shard, i) => ({
      train: shard.map(plain),
      heldOut: heldOut[i]!,
      about: `${shard.length} dialogues about ${shard[0]!.domain}`,
    })),
    scored: wanted,
    heldOut: wanted,
    notes: [],
  };
}

const defaultHeldOut = 96;
const plain = ({ dialogue, summary }: BuiltinExample): Example => ({ source: dialogue, target: summary });

async function dealFiles(settings: DemoSettings): Promise<DealtText> {
  const { data, eval: held, dialogueField, summaryField, devices, run } = settings;
  const names = { dialogueField, summaryField, tell: 'fields' } as const;
  const read = await readExamples(data, names);
  const notes = [skippedNote(data, read.skipped.empty)];
  let train: Row[] = read.examples;
  let heldOut: Row[];
  if (held === '') {
    const order = shuffled(train, random(`held out ${run.seed}`));
    const count = Math.min(maxHeldOut, Math.ceil(order.length / 10));
    [heldOut, train] = [order.slice(0, count), order.slice(count)];
    notes.push(`${count} of the ${order.length} dialogues are held out`);
  } else {
    const shard = await readExamples(held, names);
    heldOut = shuffled(shard.examples, random(`held out ${run.seed}`));
    notes.push(skippedNote(held, shard.skipped.empty));
  }
  const parts = splitRows(train, devices, splitOf(settings), run.seed);
  const dealt = dealEvenly(heldOut, devices, run.evaluationExamples);
  return {
    devices: parts.map((rows, i) => ({
      train: rows,
      heldOut: dealt[i]!,
      about: `${rows.length} dialogues${fieldNote(rows, settings.splitField)}`,
    })),
    scored: dealt.reduce((sum, part) => sum + part.length, 0),
    heldOut: heldOut.length,
    notes: notes.filter((note) => note !== ''),
  };
}

const maxHeldOut = 1000;
const skippedNote = (path: string, count: number) =>
  count === 0 ? '' : `${path}: rows without a dialogue or a summary, skipped: ${count}`;

function splitOf({ split, alpha, splitField }: DemoSettings): Split {
  if (split === 'dirichlet') return { kind: 'dirichlet', alpha };
  return split === 'field' ? { kind: 'field', field: splitField } : { kind: 'iid' };
}

function fieldNote(rows: readonly Row[], field: string): string {
  if (field === '') return '';
  const values = [...new Set(rows.map(({ other }) => other[field]))];
  return ` with ${field} ${values.slice(0, 4).join(', ')}${values.length > 4 ? ', …' : ''}`;
}

/** Deals in turn, so that parts differ by one at most. @param limit of each part; 0: none */
export function dealEvenly<T>(items: readonly T[], parts: number, limit: number): T[][] {
  const used = limit > 0 ? items.slice(0, limit * parts) : items;
  return Array.from({ length: parts }, (_, part) => used.filter((_, i) => i % parts === part));
}
