import type { T5Config } from './config.js';
import { attend, gatedGelu } from './gradients.js';
import type { Dim, Graph, Value } from './graph.js';

/** Large enough that exp of it is 0 beside any score, small enough that a bias added to it stays finite. */
export const masked = -1e9;

/**
 * What a forward pass asks of its surroundings: tensors by hub name, and the product of x with the linear module of a
 * name (`encoder.block.0.layer.0.SelfAttention.q`), with whatever adapter it carries.
 */
export interface T5Parts {
  g: Graph;
  config: T5Config;
  tensor(name: string): Value;
  linear(name: string, x: Value): Value;
  /** x, some of it dropped where dropout is wanted; the sites are those of transformers' T5. */
  drop(site: string, x: Value): Value;
}

/** Keys and values of one attention, [batch, heads, positions, dKv]. */
export interface KeysValues {
  keys: Value;
  values: Value;
  /** Those of positions before, attended to as well: a cache, never copied to stand beside the new ones. */
  past?: KeysValues;
}

export interface Positions {
  /** Bucket of each pair, [query, key], int64. */
  buckets: Value;
  /** Added to the scores, broadcast to [batch, heads, query, key]. */
  mask?: Value;
}

/** Token ids [batch, S] → hidden states [batch, S, dModel] after the last norm. */
export function encoder(parts: T5Parts, ids: Value, positions: Positions): Value {
  const bias = positionBias(parts, 'encoder', positions);
  let x = parts.drop('encoder.embed_tokens', parts.g.gather(parts.tensor('shared.weight'), ids));
  for (let block = 0; block < parts.config.encoderLayers; block++) {
    const at = `encoder.block.${block}.layer`;
    x = parts.g.layer(x, (input) => {
      const h = norm(parts, `${at}.0.layer_norm`, input);
      const self = keysValues(parts, `${at}.0.SelfAttention`, h);
      const attended = attention(parts, `${at}.0.SelfAttention`, h, self, bias);
      return feedForward(parts, `${at}.1`, parts.g.add(input, parts.drop(`${at}.0.dropout`, attended)));
    });
  }
  return parts.drop('encoder.final_layer_norm', norm(parts, 'encoder.final_layer_norm', x));
}

/** Keys and values over the encoder's states for each decoder block. */
export function crossKeysValues(parts: T5Parts, memory: Value): KeysValues[] {
  return Array.from({ length: parts.config.decoderLayers }, (_, block) =>
    keysValues(parts, `decoder.block.${block}.layer.1.EncDecAttention`, memory),
  );
}

/**
 * Decoder ids [batch, T] → hidden states [batch, T, dModel] after the last norm. `cross` are the encoder's keys and
 * values; `extend` sees each block's new self-attention keys and values and answers with those to attend to (a cache).
 */
export function decoder(
  parts: T5Parts,
  ids: Value,
  positions: Positions,
  cross: readonly KeysValues[],
  crossMask: Value,
  extend: (block: number, fresh: KeysValues) => KeysValues = (_, fresh) => fresh,
): Value {
  const { g, drop } = parts;
  const bias = positionBias(parts, 'decoder', positions);
  let x = drop('decoder.embed_tokens', g.gather(parts.tensor('shared.weight'), ids));
  for (const [block, memory] of cross.entries()) {
    const at = `decoder.block.${block}.layer`;
    x = g.layer(x, (input) => {
      const h = norm(parts, `${at}.0.layer_norm`, input);
      const self = extend(block, keysValues(parts, `${at}.0.SelfAttention`, h));
      const own = attention(parts, `${at}.0.SelfAttention`, h, self, bias);
      const middle = g.add(input, drop(`${at}.0.dropout`, own));
      const query = norm(parts, `${at}.1.layer_norm`, middle);
      const attended = attention(parts, `${at}.1.EncDecAttention`, query, memory, crossMask);
      return feedForward(parts, `${at}.2`, g.add(middle, drop(`${at}.1.dropout`, attended)));
    });
  }
  return drop('decoder.final_layer_norm', norm(parts, 'decoder.final_layer_norm', x));
}

/** Hidden states [batch, T, dModel] → logits [batch·T, vocabulary]. */
export function head({ g, config, tensor }: Pick<T5Parts, 'g' | 'config' | 'tensor'>, x: Value): Value {
  const rows = g.flatten(x);
  if (!config.tied) return g.matmul(rows, tensor('lm_head.weight'), { transB: 1 });
  return g.matmul(rows, tensor('shared.weight'), { transB: 1, alpha: config.dModel ** -0.5 });
}

/** T5's learned bias by distance, with the mask: [1 or batch, heads, query, key]. */
function positionBias({ g, tensor }: T5Parts, stack: string, { buckets, mask }: Positions): Value {
  const table = tensor(`${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`);
  const bias = g.unsqueeze(g.transpose(g.gather(table, buckets), [2, 0, 1]), [0]);
  return mask ? g.add(bias, mask) : bias;
}

function norm({ g, config, tensor }: T5Parts, name: string, x: Value): Value {
  return g.rmsNorm(x, tensor(`${name}.weight`), config.epsilon);
}

function keysValues(parts: T5Parts, name: string, x: Value): KeysValues {
  return {
    keys: splitHeads(parts, parts.linear(`${name}.k`, x)),
    values: splitHeads(parts, parts.linear(`${name}.v`, x)),
  };
}

/** T5 does not scale the scores by √dKv: it is in the initial weights (Raffel et al. 2020). */
function attention(parts: T5Parts, name: string, x: Value, memory: KeysValues, bias: Value): Value {
  const { g } = parts;
  const queries = splitHeads(parts, parts.linear(`${name}.q`, x));
  const { past, keys, values } = memory;
  const attended = past
    ? attendWithPast(g, queries, past, memory, bias)
    : attend(g, queries, keys, values, bias, (probabilities) => parts.drop(name, probabilities));
  return parts.linear(`${name}.o`, joinHeads(parts, attended));
}

/** The values by the probabilities of their keys, past and new, which are not put side by side. */
function attendWithPast(g: Graph, queries: Value, past: KeysValues, fresh: KeysValues, bias: Value): Value {
  const [before, now] = [past, fresh].map(({ keys }) => g.matmul(queries, keys, { transB: 1 }));
  const scores = g.add(g.concat([before!, now!], 3, bias.shape.at(-1)!), bias);
  const probabilities = g.softmax(scores);
  const positions = g.shapeOf(past.values, 2, 3);
  const old = g.slice(probabilities, g.integers([0]), positions, past.values.shape[2]!);
  const young = g.slice(probabilities, positions, g.integers([2 ** 31]), fresh.values.shape[2]!);
  return g.add(g.matmul(old, past.values), g.matmul(young, fresh.values));
}

/** [batch, positions, heads·dKv] → [batch, heads, positions, dKv] */
function splitHeads({ g, config }: T5Parts, x: Value): Value {
  const [batch, positions] = x.shape as [Dim, Dim];
  return g.transpose(g.reshape(x, [batch, positions, config.heads, config.dKv]), [0, 2, 1, 3]);
}

function joinHeads({ g, config }: T5Parts, x: Value): Value {
  const [batch, , positions] = x.shape as [Dim, Dim, Dim];
  return g.reshape(g.transpose(x, [0, 2, 1, 3]), [batch, positions, config.heads * config.dKv]);
}

function feedForward(parts: T5Parts, at: string, x: Value): Value {
  const { g, config, linear, drop } = parts;
  const h = norm(parts, `${at}.layer_norm`, x);
  const name = `${at}.DenseReluDense`;
  const inner = config.gated
    ? gatedGelu(g, linear(`${name}.wi_0`, h), linear(`${name}.wi_1`, h))
    : g.relu(linear(`${name}.wi`, h));
  const out = linear(`${name}.wo`, drop(`${name}.dropout`, inner));
  return g.add(x, drop(`${at}.dropout`, out));
}

/**
 * The bucket of each distance, row-major [queries, keys] (Raffel et al. 2020; the formula of the reference code, in
 * float32 as there). `offset` is the position of the first query among the keys.
 */
export function relativeBuckets(
  config: T5Config,
  bidirectional: boolean,
  queries: number,
  keys: number,
  offset = 0,
): BigInt64Array {
  const half = bidirectional ? config.buckets >> 1 : config.buckets;
  const exact = half >> 1;
  const spread = Math.fround(Math.log(config.maxDistance / exact));
  const bucket = (distance: number) => {
    const shift = bidirectional && distance > 0 ? half : 0;
    const away = bidirectional ? Math.abs(distance) : Math.max(-distance, 0);
    if (away < exact) return shift + away;
    const log = Math.fround(Math.log(Math.fround(away / exact)));
    const far = exact + Math.trunc(Math.fround(Math.fround(log / spread) * (half - exact)));
    return shift + Math.min(far, half - 1);
  };
  const byDistance = Array.from({ length: queries + keys + offset }, (_, i) =>
    BigInt(bucket(i - queries - offset + 1)),
  );
  const out = new BigInt64Array(queries * keys);
  for (let q = 0; q < queries; q++) {
    for (let k = 0; k < keys; k++) out[q * keys + k] = byDistance[k - q - offset + queries + offset - 1]!;
  }
  return out;
}
