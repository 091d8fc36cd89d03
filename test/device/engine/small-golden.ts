import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Encoded } from '../../../device/engine/batches.js';
import { readConfig, type T5Config } from '../../../device/engine/config.js';
import { decode, encode, scoringPass } from '../../../device/engine/reading.js';
import { readingGraph } from '../../../device/engine/reading-graph.js';
import { openSession, type SessionSettings } from '../../../device/engine/session.js';
import { readWeightIndex, type WeightIndex } from '../../../device/engine/weights.js';
import type { Lora } from '../../../schemas/messages.js';
import { parseAdapterConfig } from '../../../schemas/peft.js';
import { decodeSafetensors, type NamedTensors } from '../../../schemas/tensors.js';
import { examplesOf, relativeError, type Start } from './golden.js';

/** Where small.py and adapters.py wrote models of random geometry and what PyTorch computes with them. */
export const goldens = 'test/device/engine/goldens';

/** golden.json as it is on disk. */
interface Reference {
  case: Record<'input_ids' | 'attention_mask' | 'decoder_attention_mask' | 'labels', number[][]>;
  loss: Record<Start, number>;
  dropout: Record<Start, Dropped>;
}

/** Dropout as it fell in PyTorch. */
export interface Dropped {
  /** Rates of T5's own and of the adapter's. */
  model: number;
  adapter: number;
  loss: number;
  /** By site: a bit for each number, 1 where it was kept, the first the highest of a byte. */
  masks: Record<string, { shape: number[]; kept: string }>;
}

export interface SmallGolden {
  folder: string;
  config: T5Config;
  weights: WeightIndex;
  reference: Reference;
  tensors: NamedTensors;
  batch: Encoded[];
  session: SessionSettings;
}

export async function readSmall(name: string): Promise<SmallGolden> {
  const folder = join(goldens, name);
  const config = await readConfig(folder);
  const reference: Reference = JSON.parse(await readFile(join(folder, 'golden.json'), 'utf8'));
  const { input_ids: inputIds, attention_mask: attentionMask, labels } = reference.case;
  return {
    folder,
    config,
    weights: await readWeightIndex(folder, config),
    reference,
    tensors: await readTensors(join(folder, 'golden.safetensors')),
    batch: examplesOf({ inputIds, attentionMask, labels }),
    session: { folder, threads: 2, spinning: false },
  };
}

export async function readAdapter(folder: string): Promise<{ lora: Lora; tensors: NamedTensors }> {
  const tensors = await readTensors(join(folder, 'adapter_model.safetensors'));
  const config = join(folder, 'adapter_config.json');
  return { lora: parseAdapterConfig(await readFile(config, 'utf8'), config, tensors.keys()), tensors };
}

export const readTensors = async (file: string): Promise<NamedTensors> =>
  decodeSafetensors(await readFile(file), file);

/** Relative L2 error of logits over the rows' tokens, behind which only padding is read. */
export async function logitsError(
  golden: SmallGolden,
  adapter: { lora: Lora; tensors: NamedTensors } | undefined,
  { shape, data: expected }: { shape: number[]; data: Float32Array },
): Promise<number> {
  const { config, weights, session } = golden;
  const reader = {
    session: await openSession(readingGraph({ config, weights, lora: adapter?.lora }, true), session),
    config,
    adapter: adapter?.tensors ?? new Map(),
  };
  // What is ignored among labels the decoder reads as padding.
  const batch = golden.batch.map(({ source, target }) => ({
    source,
    target: target.map((id) => (id < 0 ? config.padId : id)),
  }));
  const { logits } = await decode(reader, await encode(reader, batch), scoringPass(config, batch));
  const [rows, width, vocabulary] = shape as [number, number, number];
  const padded = logits!.data.length / rows / vocabulary;
  const rowsOf = (data: Float32Array, stride: number) =>
    batch.flatMap(({ target }, row) => [
      ...data.subarray(row * stride * vocabulary, (row * stride + target.length) * vocabulary),
    ]);
  return relativeError(rowsOf(logits!.data as Float32Array, padded), rowsOf(expected, width));
}
