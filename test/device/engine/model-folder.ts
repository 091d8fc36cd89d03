import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { initModel } from '../../../device/engine/model-init.js';
import { decodeSafetensors, encodeSafetensors, type NamedTensors } from '../../../schemas/tensors.js';

export const tokenizerFile = 'builtin/model/tokenizer.json';

/** config.json of a T5 small enough to train in a test. */
export const tinyConfig = {
  model_type: 't5',
  vocab_size: 2048,
  d_model: 32,
  d_kv: 8,
  d_ff: 64,
  num_heads: 4,
  num_layers: 2,
  feed_forward_proj: 'gated-gelu',
  tie_word_embeddings: false,
};

const root = mkdtempSync(join(tmpdir(), 'fleetune-engine-'));
after(() => rmSync(root, { recursive: true }));
let folders = 0;

/** A new path in a temporary folder that goes when the tests of the file end. */
export const newPath = () => join(root, String(folders++));

/** A model folder of the tiny config, with seeded random weights and the built-in tokenizer. */
export async function modelFolder(changes: Record<string, unknown> = {}, seed = 1): Promise<string> {
  const [config, folder] = [`${newPath()}.json`, newPath()];
  await writeFile(config, JSON.stringify({ ...tinyConfig, ...changes }));
  await initModel(config, tokenizerFile, folder, seed);
  return folder;
}

/** A folder's weights, all float32. */
export async function readModel(folder: string): Promise<NamedTensors> {
  const file = join(folder, 'model.safetensors');
  return decodeSafetensors(await readFile(file), file);
}

export const writeModel = (folder: string, tensors: NamedTensors, file = 'model.safetensors') =>
  writeFile(join(folder, file), encodeSafetensors(tensors));
