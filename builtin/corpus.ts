import { random, shuffled } from '../schemas/random.js';
import type { Domain } from './domain.js';
import { demoDomains, pretrainingDomains } from './domains.js';
import { type Example, generate, type Split } from './text.js';

export interface ShardsRequest {
  readonly devices: number;
  readonly perDevice: number;
  readonly seed: number | string;
}

/** A shuffled mix of all pretraining domains in equal parts. */
export const pretrainingExamples = (
  count: number,
  seed: number | string,
  split: Split = 'train',
): Example[] => mixture(pretrainingDomains, { count, seed, split });

/** A shuffled mix of the demo domains in equal parts, of facts that no shard can hold. */
export const demoHeldOut = (count: number, seed: number | string): Example[] =>
  mixture(demoDomains, { count, seed, split: 'validation' });

/** One demo domain for each device; with more devices than domains they take turns and share no example. */
export function demoShards({ devices, perDevice, seed }: ShardsRequest): Example[][] {
  return Array.from({ length: devices }, (_, device) => {
    const domain = demoDomains[device % demoDomains.length]!.id;
    const skipped = perDevice * Math.floor(device / demoDomains.length);
    return generate({ domain, count: skipped + perDevice, seed, split: 'train' }).slice(skipped);
  });
}

/** The summary that costs nothing: what is said first. */
export function lead1(dialogue: string): string {
  const [first = ''] = dialogue.split('\n');
  return first.replace(/^[^:]*: /, '');
}

interface Mixture {
  readonly count: number;
  readonly seed: number | string;
  readonly split: Split;
}

function mixture(domains: readonly Domain[], { count, seed, split }: Mixture): Example[] {
  const each = Math.ceil(count / domains.length);
  const parts = domains.map(({ id }) => generate({ domain: id, count: each, seed, split }));
  // Interleaved before the cut, so that the parts stay equal when the count does not divide.
  const interleaved = Array.from({ length: each }, (_, i) => parts.map((part) => part[i]!)).flat();
  return shuffled(interleaved.slice(0, count), random(`mixture/${split}/${seed}`));
}
