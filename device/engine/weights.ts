import { closeSync, openSync, readSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromBfloat16, fromHalf } from '../../schemas/half.js';
import { Refusal } from '../../schemas/refusal.js';
import { headerLength, readSafetensorsHeader, type TensorEntry } from '../../schemas/tensors.js';
import { type T5Config, tensorShapes } from './config.js';

/** Where each tensor of a model lies: hub name → entry, with its file's name in the folder. */
export type WeightIndex = ReadonlyMap<string, TensorEntry & { file: string }>;

const otherNames: Record<string, readonly string[]> = {
  'shared.weight': ['encoder.embed_tokens.weight', 'decoder.embed_tokens.weight'],
  'lm_head.weight': ['shared.weight'],
};

/**
 * Reads the headers of model.safetensors, or of the shards that model.safetensors.index.json names; no weight is read.
 * @throws Refusal that names the file and the tensor that is missing, cut short, or not of the config's shape
 */
export async function readWeightIndex(folder: string, config: T5Config): Promise<WeightIndex> {
  const index = new Map<string, TensorEntry & { file: string }>();
  for (const file of await weightFiles(folder)) {
    for (const [name, entry] of await readHeader(join(folder, file))) index.set(name, { ...entry, file });
  }
  const problems = fitted(index, config);
  if (problems.length > 0) {
    const more = problems.length > 3 ? ` and ${problems.length - 3} more` : '';
    throw new Refusal(`${folder}: weights don't fit the config: ${problems.slice(0, 3).join('; ')}${more}`);
  }
  return index;
}

/** Gives tensors that go by another name the config's, too. @returns what is missing or wrong, one line a tensor */
export function fitted(index: Map<string, TensorEntry & { file: string }>, config: T5Config): string[] {
  const problems: string[] = [];
  for (const [name, shape] of tensorShapes(config)) {
    const found = [name, ...(otherNames[name] ?? [])].map((n) => index.get(n)).find((entry) => entry);
    if (!found) problems.push(`${name} is missing`);
    else if (`${found.shape}` !== `${shape}`)
      problems.push(`${name} is [${found.shape}], config.json says [${shape}]`);
    else if (!['F32', 'F16', 'BF16'].includes(found.dtype))
      problems.push(`${name} is ${found.dtype}, expected F32, F16 or BF16`);
    else index.set(name, found);
  }
  return problems;
}

/** One tensor's numbers as float32; only what is trained is ever read this way. */
export async function readWeight(
  folder: string,
  { file, begin, end, dtype }: TensorEntry & { file: string },
): Promise<Float32Array> {
  const handle = await open(join(folder, file));
  try {
    const bytes = new Uint8Array(end - begin);
    await handle.read(bytes, 0, bytes.length, begin);
    if (dtype === 'F32') return new Float32Array(bytes.buffer);
    const halves = new Uint16Array(bytes.buffer);
    const numbers = new Float32Array(halves.length);
    const widen = dtype === 'BF16' ? fromBfloat16 : fromHalf;
    for (let i = 0; i < halves.length; i++) numbers[i] = widen(halves[i]!);
    return numbers;
  } finally {
    await handle.close();
  }
}

/** Some bytes of a file in a model's folder. */
export function readBytes(
  folder: string,
  { file, offset, bytes }: { file: string; offset: number; bytes: number },
): Uint8Array {
  const data = new Uint8Array(bytes);
  const descriptor = openSync(join(folder, file), 'r');
  try {
    for (let at = 0; at < bytes; ) {
      const read = readSync(descriptor, data, at, bytes - at, offset + at);
      if (read === 0) throw new Refusal(`${join(folder, file)}: has become shorter`);
      at += read;
    }
  } finally {
    closeSync(descriptor);
  }
  return data;
}

/** File names, in the order of the index. */
export async function weightFiles(folder: string): Promise<string[]> {
  const path = join(folder, 'model.safetensors.index.json');
  try {
    const index: { weight_map?: unknown } | null = JSON.parse(await readFile(path, 'utf8'));
    const map = index?.weight_map;
    if (!map || typeof map !== 'object') throw new Refusal(`${path}: has no weight_map`);
    const files = [...new Set(Object.values(map).map(String))];
    const outside = files.find((file) => file.includes('/') || file.startsWith('.'));
    if (outside) throw new Refusal(`${path}: names ${outside}, which is outside the folder`);
    return files;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ['model.safetensors'];
    if (error instanceof SyntaxError) throw new Refusal(`${path}: not JSON (${error.message})`);
    throw error;
  }
}

export async function readHeader(path: string): Promise<Map<string, TensorEntry>> {
  const file = await open(path).catch((cause: NodeJS.ErrnoException) => {
    throw new Refusal(`${path}: can't be read (${cause.code}): expected the model's weights as safetensors`);
  });
  try {
    const { size } = await file.stat();
    const start = Buffer.alloc(Math.min(8, size));
    await file.read(start, 0, start.length, 0);
    const length = headerLength(
      start,
      size,
      (what) => new Refusal(`${path}: not a whole safetensors file: ${what}`),
    );
    const head = Buffer.alloc(8 + length);
    await file.read(head, 0, head.length, 0);
    return readSafetensorsHeader(head, size, path).entries;
  } finally {
    await file.close();
  }
}
