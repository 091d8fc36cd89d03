import type { NamedTensors } from '../../schemas/tensors.js';
import { type Encoded, labelTokens, paddedSize, sourceFeeds } from './batches.js';
import type { T5Config } from './config.js';
import type { Feeds, Session } from './session.js';
import { masked, relativeBuckets } from './t5.js';
import { parameterFeeds } from './train.js';

/** A model, with or without an adapter, to read with. */
export interface Reader {
  /** Of a readingGraph. */
  session: Session;
  config: T5Config;
  adapter: NamedTensors;
}

/** A batch of sources, encoded: the decoder's keys and values over them, and which of them are padding. */
export interface Memory {
  rows: number;
  feeds: Feeds;
}

/** What one pass of the decoder reads and is asked. */
export interface DecoderPass {
  /** [rows, tokens] */
  target: Feeds[string];
  /** [tokens, slots + tokens] */
  targetBuckets: Feeds[string];
  /** [rows, 1, tokens, slots + tokens] */
  targetMask: Feeds[string];
  /** [labels, 1] */
  labels?: Feeds[string];
  /** Likeliest next tokens of each place. */
  k: number;
}

export async function encode(
  { session, config, adapter }: Reader,
  batch: readonly Encoded[],
): Promise<Memory> {
  const source = sourceFeeds(config, batch);
  const feeds = { ...idleFeeds(config), ...source, ...parameterFeeds(adapter), encoding: flag(1) };
  const found = await session.run(feeds);
  const cross = blockNames(config).map((name): [string, Feeds[string]] => [
    `cross${name}`,
    found[ownName(name)]!,
  ]);
  return {
    rows: paddedSize(batch).rows,
    feeds: { ...Object.fromEntries(cross), sourceMask: source.sourceMask! },
  };
}

/** One pass of the decoder over encoded sources, and over the cache of what came before. */
export function decode(
  { session, config, adapter }: Reader,
  memory: Memory,
  { k, ...pass }: DecoderPass,
  past: Feeds = {},
): Promise<Feeds> {
  const feeds = { ...idleFeeds(config), ...parameterFeeds(adapter), ...memory.feeds, ...past, ...pass };
  return session.run({ ...feeds, k: flag(k), encoding: flag(0) });
}

/** Σ over label tokens of −log p, and their count. */
export async function score(
  reader: Reader,
  memory: Memory,
  batch: readonly Encoded[],
): Promise<{ nll: number; labelTokens: number }> {
  const { labelLogProbs } = await decode(reader, memory, scoringPass(reader.config, batch));
  const width = paddedSize(batch).target;
  let nll = 0;
  for (const [row, { target }] of batch.entries()) {
    for (let i = 0; i < target.length; i++) nll -= labelLogProbs!.data[row * width + i] as number;
  }
  return { nll, labelTokens: labelTokens(batch) };
}

/** All of each target at once: a token attends to those before it. */
export function scoringPass(config: T5Config, batch: readonly Encoded[]): DecoderPass {
  const { rows, target: width } = paddedSize(batch);
  const [target, labels] = [0, 1].map(() => new BigInt64Array(rows * width).fill(BigInt(config.padId))) as [
    BigInt64Array,
    BigInt64Array,
  ];
  for (const [row, { target: ids }] of batch.entries()) {
    labels.set(ids.map(BigInt), row * width);
    target.set([config.startId, ...ids.slice(0, -1)].map(BigInt), row * width);
  }
  const targetMask = new Float32Array(rows * width * width);
  for (let query = 0; query < rows * width; query++)
    targetMask.fill(masked, query * width + (query % width) + 1, (query + 1) * width);
  return {
    target: { shape: [rows, width], data: target },
    targetBuckets: { shape: [width, width], data: relativeBuckets(config, false, width, width) },
    targetMask: { shape: [rows, 1, width, width], data: targetMask },
    labels: { shape: [rows * width, 1], data: labels },
    k: 0,
  };
}

/** `Keys.<block>` and `Values.<block>` of each decoder block. */
export const blockNames = ({ decoderLayers }: T5Config): string[] =>
  Array.from({ length: decoderLayers }, (_, block) => [`Keys.${block}`, `Values.${block}`]).flat();

/** As a pass calls its own: `keys.<block>`. */
export const ownName = (name: string) => name[0]!.toLowerCase() + name.slice(1);

/** Nothing, for every input that a pass may not need. */
function idleFeeds(config: T5Config): Feeds {
  const nothing = { shape: [0, config.heads, 0, config.dKv], data: new Float32Array(0) };
  const caches = blockNames(config).flatMap((name) => [
    [`past${name}`, nothing],
    [`cross${name}`, nothing],
  ]);
  const ids = (...shape: number[]) => ({ shape, data: new BigInt64Array(0) });
  return {
    ...Object.fromEntries(caches),
    source: ids(0, 0),
    sourceBuckets: ids(0, 0),
    target: ids(0, 0),
    targetBuckets: ids(0, 0),
    targetMask: { shape: [0, 1, 0, 0], data: new Float32Array(0) },
    labels: ids(0, 1),
    k: flag(0),
  };
}

const flag = (value: number) => ({ shape: [1], data: BigInt64Array.of(BigInt(value)) });
