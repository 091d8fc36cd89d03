import { random, seedOf } from '../../schemas/random.js';
import type { Padded } from './batches.js';
import type { Graph, Shape, Value } from './graph.js';
import type { Feeds } from './session.js';

/** Rates of the two kinds of dropout: at T5's own sites, and of the adapter's input beside the undropped base. */
export interface DropoutRates {
  model: number;
  adapter: number;
}

type Kind = keyof DropoutRates;

const prefixes: Record<Kind, string> = { model: 'dropout:', adapter: 'loraDropout:' };
/** Windows begin at a multiple of this many numbers: a cache line. */
const alignment = 16;

/**
 * The function that a graph drops values with: it multiplies by a mask, which is one more input of the graph, named
 * after the site. A mask that is asked for again (where a layer is computed twice) is the same mask. Without a rate x
 * stays as it is.
 */
export function dropper(
  g: Graph,
  kind: Kind,
  rates: DropoutRates | undefined,
): (site: string, x: Value) => Value {
  if (!rates || rates[kind] === 0) return (_, x) => x;
  const masks = new Map<string, Value>();
  return (site, x) => {
    const mask = masks.get(site) ?? g.input(prefixes[kind] + site, x.shape);
    masks.set(site, mask);
    return g.mul(x, mask);
  };
}

/**
 * The masks of a graph's dropout sites: 0 at the rate, else 1 / (1 − rate) (inverted dropout, as PyTorch's). Drawn is
 * one pool of numbers a kind, half as long again as the largest mask, anew for each seed; every mask is a window of it
 * that begins at a place of its own. So a mask costs neither time nor memory, and its numbers are independent; those
 * of two sites are so but for a shift by the distance of their windows.
 * @param inputs all of the graph's: those that are no masks are passed over
 * @returns feeds for a batch's sizes, a pure function of sizes and seed. They hold until the next call: the pool's
 *   memory is used again.
 */
export function dropoutMasks(
  inputs: readonly { name: string; shape: Shape }[],
  rates: DropoutRates,
): (size: Padded, seed: string) => Feeds {
  const kinds = (Object.keys(prefixes) as Kind[]).map((kind) => ({
    rate: rates[kind],
    sites: inputs.filter(({ name }) => name.startsWith(prefixes[kind])),
    pool: new Float32Array(0),
  }));
  return ({ rows, source, target }, seed) => {
    const sizes = { B: rows, S: source, T: target };
    const feeds: Feeds = {};
    for (const kind of kinds) {
      const masks = kind.sites.map(({ name, shape }) => ({ name, shape: sized(shape, sizes) }));
      const largest = Math.max(0, ...masks.map(({ shape }) => count(shape)));
      const length = Math.ceil(largest * 1.5) + 4096 * alignment;
      if (largest === 0) continue;
      if (kind.pool.length < length) kind.pool = new Float32Array(length);
      const pool = kind.pool.subarray(0, length);
      draw(pool, kind.rate, `${seed} ${kind.rate}`);
      for (const { name, shape } of masks) {
        const places = Math.floor((length - count(shape)) / alignment) + 1;
        const from = (seedOf(seed, name) % places) * alignment;
        feeds[name] = { shape, data: pool.subarray(from, from + count(shape)) };
      }
    }
    return feeds;
  };
}

function draw(pool: Float32Array, rate: number, seed: string): void {
  const next = random(seed);
  const kept = 1 / (1 - rate);
  for (let i = 0; i < pool.length; i++) pool[i] = next() < rate ? 0 : kept;
}

/** A shape in numbers: a name is looked up, 'B*S' is a product of names. */
const sized = (shape: Shape, sizes: Readonly<Record<string, number>>): number[] =>
  shape.map((dim) => {
    if (typeof dim === 'number') return dim;
    return dim.split('*').reduce((product, name) => product * (sizes[name] ?? Number.NaN), 1);
  });

const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
