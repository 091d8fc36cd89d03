import type { T5Config } from './config.js';
import { blockNames, ownName } from './reading.js';
import type { Feeds } from './session.js';

/**
 * Keys and values of the tokens that were decoded, each block's [rows, heads, slots, dKv]. The graph reads them where
 * they lie and gives back only the new ones: nothing grows by being copied with every token. Slots that are not
 * filled yet are fed too, so the graph's mask has to leave them out.
 */
export interface DecoderCache {
  readonly slots: number;
  readonly filled: number;
  /** `pastKeys.<block>` and `pastValues.<block>` */
  readonly feeds: Feeds;
  /** Adds `keys.<block>` and `values.<block>`, [rows, heads, tokens, dKv], of `tokens` more slots. */
  append(fresh: Feeds, tokens: number): void;
  /** Leaves out all rows but these, in rising order. */
  keep(rows: readonly number[]): void;
}

const firstSlots = 32;

export function createDecoderCache(config: T5Config, rowCount: number): DecoderCache {
  const { heads, dKv } = config;
  let [rows, slots, filled] = [rowCount, firstSlots, 0];
  const names = blockNames(config);
  let data = names.map(() => new Float32Array(rows * heads * slots * dKv));

  /** As it is, with more room in each row and head. */
  const grown = (old: Float32Array, wider: number) => {
    const out = new Float32Array(rows * heads * wider * dKv);
    for (let i = 0; i < rows * heads; i++)
      out.set(old.subarray(i * slots * dKv, (i * slots + filled) * dKv), i * wider * dKv);
    return out;
  };

  return {
    get slots() {
      return slots;
    },
    get filled() {
      return filled;
    },
    get feeds() {
      const shape = [rows, heads, slots, dKv];
      return Object.fromEntries(names.map((name, i) => [`past${name}`, { shape, data: data[i]! }]));
    },
    append(fresh, tokens) {
      if (filled + tokens > slots) {
        const wider = 2 * slots + tokens;
        data = data.map((old) => grown(old, wider));
        slots = wider;
      }
      const run = tokens * dKv;
      for (const [at, name] of names.entries()) {
        const [to, from] = [data[at]!, fresh[ownName(name)]!.data as Float32Array];
        for (let i = 0; i < rows * heads; i++)
          to.set(from.subarray(i * run, (i + 1) * run), (i * slots + filled) * dKv);
      }
      filled += tokens;
    },
    keep(kept) {
      data = data.map((all) => keptRows(all, kept, heads * slots * dKv));
      rows = kept.length;
    },
  };
}

/** Moves the kept rows to the front, and gives only them. */
export function keptRows<T extends Float32Array>(data: T, kept: readonly number[], width: number): T {
  for (const [to, from] of kept.entries()) data.copyWithin(to * width, from * width, (from + 1) * width);
  return data.subarray(0, kept.length * width) as T;
}
