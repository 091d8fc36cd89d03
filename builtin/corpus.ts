import { random, shuffled } from '../schemas/random.js';
import { demoDomains, pretrainingDomains } from './domains.js';
import { type Example, generate, type Split } from './text.js';

/** A shuffled mix of all pretraining domains in equal parts. */
export function pretrainingExamples(count: number, seed: number | string, split: Split = 'train'): Example[] {
  return mixture(
    pretrainingDomains.map(({ id }) => id),
    count,
    seed,
    split,
  );
}

/** One demo domain for each device, in turn where there are more devices than domains. */
export function demoShards(request: {
  devices: number;
  perDevice: number;
  seed: number | string;
}): Example[][] {
  const { devices, perDevice, seed } = request;
  return Array.from({ length: devices }, (_, device) => {
    const round = Math.floor(device / demoDomains.length);
    const domain = demoDomains[device % demoDomains.length]!.id;
    return generate({ domain, count: perDevice * (round + 1), seed, split: 'train' }).slice(
      perDevice * round,
    );
  });
}

/** A shuffled union of the demo domains in equal parts, of facts that no shard can hold. */
export function demoHeldOut(count: number, seed: number | string): Example[] {
  return mixture(
    demoDomains.map(({ id }) => id),
    count,
    seed,
    'validation',
  );
}

/** The summary that costs nothing: what is said first. */
export function lead1(dialogue: string): string {
  const [first = ''] = dialogue.split('\n');
  return first.replace(/^[^:]*: /, '');
}

function mixture(domains: readonly string[], count: number, seed: number | string, split: Split): Example[] {
  const each = Math.ceil(count / domains.length);
  const examples = domains.map((domain) => generate({ domain, count: each, seed, split }));
  // Interleaved before the cut, so that the parts stay equal when the count does not divide.
  const interleaved = Array.from({ length: each }, (_, i) => examples.map((part) => part[i]!)).flat();
  return shuffled(interleaved.slice(0, count), random(`${domains.join()}/${split}/${seed}`));
}
