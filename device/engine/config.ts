import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal } from '../../schemas/refusal.js';

/** A T5's geometry, from the config.json of its hub folder. */
export interface T5Config {
  vocabSize: number;
  dModel: number;
  /** Width of a head. */
  dKv: number;
  dFf: number;
  heads: number;
  encoderLayers: number;
  decoderLayers: number;
  buckets: number;
  maxDistance: number;
  epsilon: number;
  /** T5 v1.1 and FLAN-T5: gelu(x·wi_0) ∘ (x·wi_1); v1.0: relu(x·wi). */
  gated: boolean;
  /** The head is the embedding, its input scaled by dModel^-½. (transformers 5 says so by scale_decoder_outputs.) */
  tied: boolean;
  padId: number;
  eosId: number;
  startId: number;
}

/** @throws Refusal that names the file and each key that is missing or that the engine can't do */
export const readConfig = async (folder: string): Promise<T5Config> =>
  (await readConfigFile(join(folder, 'config.json'))).config;

/** A config.json wherever it lies: as it is, and as the engine understands it. Refuses as `readConfig` does. */
export async function readConfigFile(
  path: string,
): Promise<{ raw: Record<string, unknown>; config: T5Config }> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw unreadable(path, cause.code === 'ENOENT' ? 'no such file' : `can't be read (${cause.code})`);
  });
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw unreadable(path, `not JSON (${(cause as Error).message})`);
  }
  if (typeof raw !== 'object' || raw === null) throw unreadable(path, 'holds no JSON object');
  return { raw: raw as Record<string, unknown>, config: parseConfig(raw as Record<string, unknown>, path) };
}

const unreadable = (path: string, what: string) =>
  new Refusal(
    `${path}: ${what}: expected a Hugging Face T5 folder with config.json, model.safetensors, tokenizer.json`,
  );

export function parseConfig(raw: Record<string, unknown>, source: string): T5Config {
  const problems: string[] = [];
  const size = (key: string, fallback?: number) => {
    const value = raw[key] ?? fallback;
    if (typeof value === 'number' && Number.isInteger(value) && value > 0) return value;
    problems.push(`${key} is ${JSON.stringify(raw[key])}, expected a whole number above 0`);
    return 1;
  };
  const id = (key: string, fallback: number) =>
    typeof raw[key] === 'number' ? (raw[key] as number) : fallback;
  if (raw.model_type !== 't5')
    problems.push(`model_type is ${JSON.stringify(raw.model_type)}, expected "t5"`);
  const feedForward = raw.feed_forward_proj ?? 'relu';
  if (feedForward !== 'relu' && feedForward !== 'gated-gelu') {
    problems.push(`feed_forward_proj is ${JSON.stringify(feedForward)}, expected "relu" or "gated-gelu"`);
  }
  const encoderLayers = size('num_layers');
  const padId = id('pad_token_id', 0);
  const config = {
    vocabSize: size('vocab_size'),
    dModel: size('d_model'),
    dKv: size('d_kv'),
    dFf: size('d_ff'),
    heads: size('num_heads'),
    encoderLayers,
    decoderLayers: size('num_decoder_layers', encoderLayers),
    buckets: size('relative_attention_num_buckets', 32),
    maxDistance: size('relative_attention_max_distance', 128),
    epsilon: typeof raw.layer_norm_epsilon === 'number' ? raw.layer_norm_epsilon : 1e-6,
    gated: feedForward === 'gated-gelu',
    tied: (raw.scale_decoder_outputs ?? raw.tie_word_embeddings) !== false,
    padId,
    eosId: id('eos_token_id', 1),
    startId: id('decoder_start_token_id', padId),
  };
  if (problems.length > 0) throw new Refusal(`${source}: ${problems.join('; ')}`);
  return config;
}

/** Every tensor of a T5 by its hub name, with its shape: linear weights are [out, in]. */
export function tensorShapes(config: T5Config): Map<string, number[]> {
  const { dModel, dFf, vocabSize, buckets, heads } = config;
  const inner = config.dKv * heads;
  const shapes = new Map<string, number[]>([['shared.weight', [vocabSize, dModel]]]);
  const attention = (at: string) => {
    for (const name of ['q', 'k', 'v']) shapes.set(`${at}.${name}.weight`, [inner, dModel]);
    shapes.set(`${at}.o.weight`, [dModel, inner]);
  };
  for (const stack of ['encoder', 'decoder'] as const) {
    const layers = stack === 'encoder' ? config.encoderLayers : config.decoderLayers;
    const bias = `${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`;
    shapes.set(bias, [buckets, heads]);
    for (let block = 0; block < layers; block++) {
      const at = `${stack}.block.${block}.layer`;
      attention(`${at}.0.SelfAttention`);
      if (stack === 'decoder') attention(`${at}.1.EncDecAttention`);
      const last = stack === 'encoder' ? 1 : 2;
      for (const wi of config.gated ? ['wi_0', 'wi_1'] : ['wi']) {
        shapes.set(`${at}.${last}.DenseReluDense.${wi}.weight`, [dFf, dModel]);
      }
      shapes.set(`${at}.${last}.DenseReluDense.wo.weight`, [dModel, dFf]);
      for (let layer = 0; layer <= last; layer++) shapes.set(`${at}.${layer}.layer_norm.weight`, [dModel]);
    }
    shapes.set(`${stack}.final_layer_norm.weight`, [dModel]);
  }
  if (!config.tied) shapes.set('lm_head.weight', [vocabSize, dModel]);
  return shapes;
}
