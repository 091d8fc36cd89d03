import { createHash } from 'node:crypto';
import { random } from '../schemas/random.js';
import { drawDialogue } from './dialogue.js';
import { allDomains } from './domains.js';
import { drawScene, fill, statedFacts } from './scene.js';

export type Split = 'train' | 'validation';

export interface Example {
  readonly id: string;
  readonly domain: string;
  readonly dialogue: string;
  readonly summary: string;
}

export interface TextRequest {
  readonly domain: string;
  readonly count: number;
  readonly seed: number | string;
  readonly split: Split;
}

/** No fact tuple twice; a table that ran dry would otherwise loop for ever. */
const maxDrawsPerExample = 1000;

/**
 * Service-desk and field-work dialogues with their summaries: pure, the same request gives the same bytes, and a
 * larger count only appends. Splits share no tuple of the facts that their summaries state, whatever the seeds.
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
    const template = domain.summary[scene.outcome];
    const facts = JSON.stringify([id, scene.outcome, ...statedFacts(template, scene.slots)]);
    if (seen.has(facts) || splitOf(facts) !== split) continue;
    seen.add(facts);
    examples.push({
      id: `${id}-${split}-${seed}-${examples.length}`,
      domain: id,
      dialogue: drawDialogue(domain, scene, next),
      summary: fill(template, scene.slots),
    });
  }
  return examples;
}

/** 8 of 10 fact tuples are for training, whoever draws them. */
export function splitOf(facts: string): Split {
  return createHash('sha256').update(facts).digest().readUInt32BE(0) % 10 < 8 ? 'train' : 'validation';
}
