import { advance, type Candidate, candidatesNeeded, newSearch, type Search } from './beam.js';
import type { T5Config } from './config.js';
import { createDecoderCache, type DecoderCache, keptRows } from './decoder-cache.js';
import { bannedTokens, type Decoding } from './decoding.js';
import { type DecoderPass, decode, type Memory, type Reader } from './reading.js';
import type { Feeds } from './session.js';
import { masked, relativeBuckets } from './t5.js';

/** A row of the batch that is being decoded. */
interface Row {
  /** Its place in the answer. */
  at: number;
  search: Search;
}

/**
 * A summary of each encoded source: ids without the start token, with the end token where it came. Each pass of the
 * decoder reads one more token of each beam. Takes the memory for its own: rows that are done leave it.
 */
export async function generate(reader: Reader, memory: Memory, decoding: Decoding): Promise<number[][]> {
  const { config } = reader;
  const answer = Array.from({ length: memory.rows }, (): number[] => []);
  const cache = createDecoderCache(config, memory.rows);
  let rows = answer.map((_, at): Row => ({ at, search: newSearch(config.startId) }));
  for (let position = 0; rows.length > 0; position++) {
    const bans = rows.map(({ search }) =>
      search.running.map(({ ids }) => bannedTokens(ids, decoding, config.eosId)),
    );
    const mostBanned = Math.max(...bans.flat().map(({ size }) => size));
    // Of k tokens the banned ones fall out, and as many as the search needs are left.
    const k = Math.min(config.vocabSize, candidatesNeeded(decoding) + mostBanned);
    const pass = nextPass(config, rows, cache, decoding.beams, position, k);
    const found = await decode(reader, memory, pass, cache.feeds);
    const width = pass.target.shape[1]!;
    cache.append(found, width);
    for (const [i, row] of rows.entries()) {
      if (row.search.done) continue;
      const likely = bans[i]!.map((banned, beam) => candidates(found, i * width + beam, k, banned));
      row.search = advance(row.search, likely, decoding, config.eosId);
      if (row.search.done) answer[row.at] = row.search.finished[0]!.ids.slice(1);
    }
    const open = [...rows.keys()].filter((i) => !rows[i]!.search.done);
    if (open.length <= rows.length / 2) {
      rows = open.map((i) => rows[i]!);
      cache.keep(open);
      keepMemory(memory, open);
    }
  }
  return answer;
}

/** The last token of each beam. It attends to itself and to those on its own path; done rows read padding. */
function nextPass(
  config: T5Config,
  rows: readonly Row[],
  { slots, filled }: DecoderCache,
  beams: number,
  position: number,
  k: number,
): DecoderPass {
  const width = position === 0 ? 1 : beams;
  const all = slots + width;
  const target = new BigInt64Array(rows.length * width).fill(BigInt(config.padId));
  const mask = new Float32Array(rows.length * width * all).fill(masked);
  for (const [i, { search }] of rows.entries()) {
    for (let beam = 0; beam < width; beam++) {
      const to = i * width + beam;
      mask[to * all + slots + beam] = 0;
      const { ids, path } = search.running[beam] ?? { ids: [config.padId], path: [] };
      target[to] = BigInt(ids.at(-1)!);
      for (const [step, place] of path.entries()) mask[to * all + slotOf(step, place, beams)] = 0;
    }
  }
  const byPosition = relativeBuckets(config, false, 1, position + 1, position);
  const buckets = new BigInt64Array(all).fill(byPosition[position]!);
  for (let slot = 0; slot < filled; slot++) buckets[slot] = byPosition[positionOf(slot, beams)]!;
  const repeated = new BigInt64Array(width * all);
  for (let beam = 0; beam < width; beam++) repeated.set(buckets, beam * all);
  return {
    target: { shape: [rows.length, width], data: target },
    targetBuckets: { shape: [width, all], data: repeated },
    targetMask: { shape: [rows.length, 1, width, all], data: mask },
    k,
  };
}

/** The start token takes one slot of the cache, each later step one for each beam. */
const slotOf = (step: number, place: number, beams: number) =>
  step === 0 ? 0 : 1 + (step - 1) * beams + place;
const positionOf = (slot: number, beams: number) => (slot === 0 ? 0 : 1 + Math.floor((slot - 1) / beams));

/** The likeliest tokens of one place that are not banned, likeliest first. */
function candidates({ tokens, logProbs }: Feeds, place: number, k: number, banned: Set<number>): Candidate[] {
  const out: Candidate[] = [];
  for (let i = place * k; i < (place + 1) * k; i++) {
    const token = Number(tokens!.data[i]);
    if (!banned.has(token)) out.push({ token, logProb: Number(logProbs!.data[i]) });
  }
  return out;
}

function keepMemory(memory: Memory, kept: readonly number[]): void {
  for (const [name, { shape, data }] of Object.entries(memory.feeds)) {
    const width = shape.slice(1).reduce((size, dim) => size * dim, 1);
    memory.feeds[name] = {
      shape: [kept.length, ...shape.slice(1)],
      data: keptRows(data as Float32Array, kept, width),
    };
  }
  memory.rows = kept.length;
}
