import type { NamedTensors } from '../../schemas/tensors.js';
import { type Encoded, labelTokens, paddedSize, sourceFeeds, targetFeeds } from './batches.js';
import type { T5Config } from './config.js';
import type { Feeds, Session } from './session.js';
import { relativeBuckets } from './t5.js';
import { parameterFeeds } from './train.js';

/** The graphs of evaluation: encode once, then score given summaries or step to new ones. */
export interface Readers {
  encode: Session;
  score: Session;
  step: Session;
}

/** A batch of sources, encoded: the decoder's keys and values over them. */
export interface Memory {
  rows: number;
  feeds: Feeds;
}

export async function encode(
  { encode }: Pick<Readers, 'encode'>,
  config: T5Config,
  adapter: NamedTensors,
  batch: readonly Encoded[],
): Promise<Memory> {
  const source = sourceFeeds(config, batch);
  const cross = await encode.run({ ...source, ...parameterFeeds(adapter) });
  return { rows: paddedSize(batch).rows, feeds: { ...cross, sourceMask: source.sourceMask! } };
}

/** Σ over label tokens of −log p, and their count. */
export async function score(
  { score }: Pick<Readers, 'score'>,
  config: T5Config,
  adapter: NamedTensors,
  memory: Memory,
  batch: readonly Encoded[],
): Promise<{ nll: number; labelTokens: number }> {
  const feeds = { ...memory.feeds, ...targetFeeds(config, batch, 1), ...parameterFeeds(adapter) };
  const { loss } = await score.run(feeds);
  return { nll: (loss!.data as Float32Array)[0]!, labelTokens: labelTokens(batch) };
}

/**
 * The most likely token at each place (greedy decoding), up to the end token or `maxTokens`: ids without the start
 * token, the end token included where it came. One token a run, keys and values cached.
 */
export async function greedy(
  { step }: Pick<Readers, 'step'>,
  config: T5Config,
  adapter: NamedTensors,
  memory: Memory,
  maxTokens: number,
): Promise<number[][]> {
  const { rows } = memory;
  const fixed = { ...memory.feeds, ...parameterFeeds(adapter) };
  const ids: number[][] = Array.from({ length: rows }, () => []);
  const ended = new Array<boolean>(rows).fill(false);
  let cache = emptyCache(config, rows);
  let token = new BigInt64Array(rows).fill(BigInt(config.startId));
  for (let position = 0; position < maxTokens && ended.includes(false); position++) {
    const { next, ...grown } = await step.run({
      ...fixed,
      ...cache,
      token: { shape: [rows, 1], data: token },
      stepBuckets: {
        shape: [1, position + 1],
        data: relativeBuckets(config, false, 1, position + 1, position),
      },
    });
    token = next!.data as BigInt64Array<ArrayBuffer>;
    cache = Object.fromEntries(
      Object.entries(grown).map(([name, value]) => [name.replace('grown', 'past'), value]),
    );
    for (let row = 0; row < rows; row++) {
      if (ended[row]) continue;
      ids[row]!.push(Number(token[row]));
      ended[row] = Number(token[row]) === config.eosId;
    }
  }
  return ids;
}

function emptyCache({ decoderLayers, heads, dKv }: T5Config, rows: number): Feeds {
  const nothing = { shape: [rows, heads, 0, dKv], data: new Float32Array(0) };
  return Object.fromEntries(
    Array.from({ length: decoderLayers }, (_, block) => [
      [`pastKeys.${block}`, nothing],
      [`pastValues.${block}`, nothing],
    ]).flat(),
  );
}
