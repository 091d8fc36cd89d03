import { createHash } from 'node:crypto';
import { random } from '../schemas/random.js';
import { drawDialogue } from './dialogue.js';
import { allDomains } from './domains.js';
import { drawScene } from './scene.js';
import { fill } from './template.js';

export type Split = 'train' | 'validation';

export interface Example {
  readonly id: string;
  readonly domain: string;
  /** Turns, one "Name: text" line each. */
  readonly dialogue: string;
  readonly summary: string;
}

export interface TextRequest {
  /** The id of a pretraining or demo domain. */
  readonly domain: string;
  readonly count: number;
  readonly seed: number | string;
  readonly split: Split;
}

/** A table that ran dry would otherwise loop for ever. */
const maxDrawsPerExample = 1000;

/**
 * Service-desk and field-work dialogues with their summaries. Pure: the same request gives the same bytes, and a
 * larger count only appends. No summary comes twice, and none of one split is in the other, whatever the seeds.
 */
export function generate({ domain: id, count, seed, split }: TextRequest): Example[] {
  const domain = allDomains.find((candidate) => candidate.id === id);
  if (domain === undefined)
    throw new Error(`no domain "${id}", there are ${allDomains.map((d) => d.id).join(', ')}`);
  const next = random(`${id}/${split}/${seed}`);
  const seen = new Set<string>();
  const examples: Example[] = [];
  for (let draws = 0; examples.length < count; draws++) {
    if (draws > maxDrawsPerExample * count)
      throw new Error(`${id}: too few combinations for ${count} examples`);
    const scene = drawScene(domain, next);
    const summary = fill(domain.summary[scene.outcome], scene.slots);
    if (seen.has(summary) || splitOf(summary) !== split) continue;
    seen.add(summary);
    const dialogue = drawDialogue(domain, scene, next);
    examples.push({ id: `${id}-${split}-${seed}-${examples.length}`, domain: id, dialogue, summary });
  }
  return examples;
}

/**
 * Which split a combination of facts belongs to: 8 of 10 are for training. A summary is a fixed wording around the
 * facts that it states, so its text stands for their tuple, and anybody can check a data set against this rule.
 */
export function splitOf(summary: string): Split {
  return createHash('sha256').update(summary).digest().readUInt32BE(0) % 10 < 8 ? 'train' : 'validation';
}
