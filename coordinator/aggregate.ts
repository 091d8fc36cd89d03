import { inOrder } from './selection.js';

/** One device's part in the mean. `read` brings its tensors into memory, one device at a time. */
export interface Contribution {
  deviceId: string;
  /** Examples that it trained on. */
  weight: number;
  read: () => Promise<ReadonlyMap<string, { data: Float32Array }>>;
}

/**
 * The mean of updates by examples, Σ wᵢ·uᵢ / Σ wᵢ (McMahan et al. 2017, algorithm 1), in float64. Sums in
 * order of device names: equal contributions give equal bits, whatever the order of arrival. Holds one sum
 * and one update in memory however many devices there are.
 * @throws Error where an update has not the names and lengths of the first: checks come before
 */
export async function weightedMean(
  contributions: readonly Contribution[],
): Promise<Map<string, Float64Array>> {
  const byDevice = new Map(contributions.map((c) => [c.deviceId, c]));
  const sum = new Map<string, Float64Array>();
  let weights = 0;
  for (const deviceId of inOrder(byDevice.keys())) {
    const { weight, read } = byDevice.get(deviceId)!;
    const update = await read();
    if (weights === 0) for (const [name, { data }] of update) sum.set(name, new Float64Array(data.length));
    if (update.size !== sum.size) throw new Error(`the update of ${deviceId} has other tensors`);
    for (const [name, { data }] of update) add(sum.get(name), data, weight, `${name} of ${deviceId}`);
    weights += weight;
  }
  if (!(weights > 0)) throw new Error('there is nothing to take a mean of');
  for (const values of sum.values()) for (let i = 0; i < values.length; i++) values[i]! /= weights;
  return sum;
}

function add(sum: Float64Array | undefined, data: Float32Array, weight: number, what: string): void {
  if (sum?.length !== data.length) throw new Error(`tensor ${what} does not fit`);
  for (let i = 0; i < data.length; i++) sum[i]! += weight * data[i]!;
}
