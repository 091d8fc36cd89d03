import type { Presence } from '../schemas/messages.js';
import { random, seedOf, shuffled } from '../schemas/random.js';

/** Names in the one order that everything seeded or summed uses: by code unit, on every machine alike. */
export const inOrder = (ids: Iterable<string>) => [...ids].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));

/** Devices that can take a task of a run: online, without a problem, with the run's base model. */
export const readyFor = (devices: Iterable<Presence>, modelSha256: string) =>
  [...devices].filter((d) => d.online && d.problem === '' && d.modelSha256 === modelSha256);

/**
 * The base model of a new run: the one that most ready devices have; of equals the first by name. '' for
 * none.
 */
export function commonModel(devices: Iterable<Presence>): string {
  const counts = new Map<string, number>();
  for (const { online, problem, modelSha256 } of devices)
    if (online && problem === '') counts.set(modelSha256, (counts.get(modelSha256) ?? 0) + 1);
  const [first] = inOrder(counts.keys()).sort((a, b) => counts.get(b)! - counts.get(a)!);
  return first ?? '';
}

/** Why a device that is online can take no task of the run; '' when it can. */
export function unfit(device: Presence, modelSha256: string): string {
  if (device.problem !== '') return device.problem;
  return device.modelSha256 === modelSha256 ? '' : `another base model (${device.modelSha256.slice(0, 8)}…)`;
}

/**
 * The cohort of a round: `devices` of them, or by fraction when that is 0; at least one where one is ready.
 * It depends on the set of ready names, the seed and the round, and on nothing else.
 */
export function select(
  ready: Iterable<string>,
  seed: number,
  round: number,
  share: { devices: number; fraction: number },
): string[] {
  const ids = inOrder(new Set(ready));
  const wanted = share.devices || Math.max(1, Math.ceil(share.fraction * ids.length - 1e-9));
  return inOrder(shuffled(ids, random(seedOf(seed, round, 'selection'))).slice(0, wanted));
}
