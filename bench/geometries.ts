import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Example, initModel, openEngine } from '../device/engine/engine.js';

/** config.json of google/flan-t5-*, as far as it is geometry; no dropout. */
const sizes = {
  small: { d_model: 512, d_ff: 1024, num_heads: 6, num_layers: 8 },
  base: { d_model: 768, d_ff: 2048, num_heads: 12, num_layers: 12 },
  large: { d_model: 1024, d_ff: 2816, num_heads: 16, num_layers: 24 },
  xl: { d_model: 2048, d_ff: 5120, num_heads: 32, num_layers: 24 },
} as const;

export type Size = keyof typeof sizes;
export const sizeNames = Object.keys(sizes) as Size[];

/** LoRA of every benchmark: the common FLAN-T5 recipe, without dropout. */
export const lora = { rank: 16, alpha: 32, targets: ['q', 'v'] };

const configOf = (size: Size) => ({
  architectures: ['T5ForConditionalGeneration'],
  model_type: 't5',
  vocab_size: 32128,
  d_kv: 64,
  ...sizes[size],
  num_decoder_layers: sizes[size].num_layers,
  feed_forward_proj: 'gated-gelu',
  tie_word_embeddings: false,
  is_encoder_decoder: true,
  decoder_start_token_id: 0,
  eos_token_id: 1,
  pad_token_id: 0,
  dropout_rate: 0,
});

/** A model folder of a size with seeded random weights, made when it is first asked for. @returns its path */
export async function modelFolder(size: Size, root: string): Promise<string> {
  const folder = join(root, `flan-t5-${size}`);
  if (existsSync(folder)) return folder;
  const making = `${folder}.making`;
  await rm(making, { recursive: true, force: true });
  await mkdir(making, { recursive: true });
  const config = join(making, 'geometry.json');
  await writeFile(config, JSON.stringify(configOf(size)));
  await initModel(config, 'builtin/model/tokenizer.json', making, 1);
  await rename(making, folder);
  return folder;
}

/** One batch without padding, as texts and as the ids that they become: what every side of a comparison trains on. */
export interface Workload {
  examples: Example[];
  source: number[][];
  target: number[][];
}

/** @param lengths of each row in tokens, end token included */
export async function workload(
  folder: string,
  batch: number,
  lengths: { source: number; target: number },
): Promise<Workload> {
  // A word is a token at least, so each text is longer than its limit and cut to it.
  const words = (row: number, count: number) =>
    Array.from({ length: count }, (_, n) => `pump ${(row + 1) * (n + 1)}`).join(' ');
  const engine = await openEngine(folder, { threads: 1 });
  const examples = Array.from({ length: batch }, (_, row) => ({
    source: words(row, lengths.source),
    target: words(row, lengths.target),
  }));
  const ids = (side: 'source' | 'target') =>
    examples.map((example) => [...engine.tokenizer.encode(example[side], lengths[side])]);
  const made = { examples, source: ids('source'), target: ids('target') };
  await engine.release();
  for (const side of ['source', 'target'] as const) {
    const short = made[side].find((row) => row.length !== lengths[side]);
    if (short) throw new Error(`a ${side} of ${short.length} tokens, not ${lengths[side]}`);
  }
  return made;
}
