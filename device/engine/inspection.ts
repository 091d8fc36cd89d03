import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal } from '../../schemas/refusal.js';
import type { TensorEntry } from '../../schemas/tensors.js';
import { readConfigFile, type T5Config, tensorShapes } from './config.js';
import { openTokenizer } from './tokenizer.js';
import { fitted, readHeader, type WeightIndex, weightFiles } from './weights.js';

/** What a model folder holds, and all that keeps it from being used. */
export interface Inspection {
  config: T5Config | undefined;
  /** Of all weights, where config and weights can be read. */
  parameters: number;
  /** dtype → numbers of the config's tensors. */
  dtypes: Record<string, number>;
  files: { name: string; bytes: number }[];
  tokens: number | undefined;
  /** Tensors that the config does not name; they are not read. */
  unused: string[];
  weights: WeightIndex;
  problems: string[];
}

/** Looks at all of a folder, whatever is wrong with it: headers are read, no weight is. */
export async function inspectModel(folder: string): Promise<Inspection> {
  const problems: string[] = [];
  const noted = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      problems.push(error.message);
      return undefined;
    }
  };
  const config = (await noted(() => readConfigFile(join(folder, 'config.json'))))?.config;
  const weights = new Map<string, TensorEntry & { file: string }>();
  const files: Inspection['files'] = [];
  const names = (await noted(() => weightFiles(folder))) ?? [];
  let whole = names.length > 0;
  for (const name of names) {
    const entries = await noted(() => readHeader(join(folder, name)));
    whole &&= entries !== undefined;
    if (!entries) continue;
    files.push({ name, bytes: (await stat(join(folder, name))).size });
    for (const [tensor, entry] of entries) weights.set(tensor, { ...entry, file: name });
  }
  const present = [...weights.keys()];
  const misfits = config ? fitted(weights, config) : [];
  // What a lost file held is missing anyhow: the file is the news.
  problems.push(...(whole ? misfits : misfits.filter((line) => !line.endsWith('is missing'))));
  const tokens = (await noted(() => openTokenizer(folder)))?.vocabSize;
  if (config && tokens !== undefined && tokens > config.vocabSize)
    problems.push(`tokenizer.json has ${tokens} tokens, config.json a vocab_size of ${config.vocabSize}`);
  const shapes = config ? tensorShapes(config) : new Map<string, number[]>();
  const dtypes: Record<string, number> = {};
  let parameters = 0;
  for (const [name, shape] of shapes) {
    const numbers = shape.reduce((a, b) => a * b, 1);
    const dtype = weights.get(name)?.dtype;
    parameters += numbers;
    if (dtype) dtypes[dtype] = (dtypes[dtype] ?? 0) + numbers;
  }
  const known = new Set([
    ...shapes.keys(),
    'encoder.embed_tokens.weight',
    'decoder.embed_tokens.weight',
    'lm_head.weight',
  ]);
  const unused = config ? present.filter((name) => !known.has(name)) : [];
  return { config, parameters, dtypes, files, tokens, unused, weights, problems };
}
