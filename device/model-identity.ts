import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isNoRoom } from '../runtime/disk-trouble.js';
import { writeAtomic } from '../runtime/files.js';
import { Refusal } from '../schemas/refusal.js';
import { headerLength, readSafetensorsHeader } from '../schemas/tensors.js';

interface SeenFile {
  name: string;
  size: number;
  mtimeMs: number;
}

interface Seen {
  folder: string;
  files: SeenFile[];
  sha256: string;
}

/**
 * Which model a Hugging Face folder holds: one SHA-256 over config.json, the weights and tokenizer.json. What
 * was hashed once is remembered in `cacheFile` for as long as sizes and times stay.
 * @throws Refusal that names a file which is missing or cut short
 */
export async function modelIdentity(folder: string, cacheFile: string): Promise<{ sha256: string }> {
  await requireObject(join(folder, 'config.json'));
  const weights = await weightFiles(folder);
  for (const name of weights) await requireWhole(join(folder, name));
  await requireObject(join(folder, 'tokenizer.json'));
  const files = await Promise.all(
    ['config.json', ...weights, 'tokenizer.json'].map(async (name) => {
      const { size, mtimeMs } = await stat(join(folder, name));
      return { name, size, mtimeMs };
    }),
  );
  const seen = await readSeen(cacheFile);
  if (seen?.folder === folder && JSON.stringify(seen.files) === JSON.stringify(files))
    return { sha256: seen.sha256 };
  const hash = createHash('sha256');
  for (const { name, size } of files) {
    hash.update(`${name}\0${size}\0`);
    for await (const piece of createReadStream(join(folder, name))) hash.update(piece as Buffer);
  }
  const sha256 = hash.digest('hex');
  await writeAtomic(cacheFile, JSON.stringify({ folder, files, sha256 } satisfies Seen)).catch((error) => {
    if (!isNoRoom(error)) throw error; // Then it is computed again.
  });
  return { sha256 };
}

/** model.safetensors, or the index and the shards that it names. */
async function weightFiles(folder: string): Promise<string[]> {
  const index = 'model.safetensors.index.json';
  const path = join(folder, index);
  if (!(await stat(path).catch(() => undefined))) return ['model.safetensors'];
  let map: Record<string, string> | undefined;
  try {
    map = (JSON.parse(await readFile(path, 'utf8')) as { weight_map?: Record<string, string> }).weight_map;
  } catch {
    throw new Refusal(`${path}: not JSON: was it cut short?`);
  }
  const shards = [...new Set(Object.values(map ?? {}))].sort();
  if (shards.length === 0 || shards.some((name) => typeof name !== 'string' || /[/\\]|^\./.test(name)))
    throw new Refusal(`${path}: expected a weight_map of file names in the same folder`);
  return [index, ...shards];
}

/** Looks at a JSON file's ends alone: its reader says what else may be wrong. */
async function requireObject(path: string): Promise<void> {
  const text = await requireFile(path, () => readFile(path, 'utf8'));
  if (!/^\s*\{/.test(text) || !text.trimEnd().endsWith('}'))
    throw new Refusal(`${path}: not a whole JSON object: was it cut short? Copy the model's folder again`);
}

/** Checks a weights file's table of contents against its size. */
async function requireWhole(path: string): Promise<void> {
  if (path.endsWith('.json')) return;
  const file = await requireFile(path, () => open(path));
  try {
    const { size } = await file.stat();
    const start = Buffer.alloc(8);
    const { bytesRead } = await file.read(start, 0, 8, 0);
    const cut = (what: string) =>
      new Refusal(`${path}: not a whole safetensors file: ${what}: copy the model's folder again`);
    const head = Buffer.alloc(8 + headerLength(start.subarray(0, bytesRead), size, cut));
    await file.read(head, 0, head.length, 0);
    readSafetensorsHeader(head, size, path);
  } finally {
    await file.close();
  }
}

async function requireFile<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const what = code === 'ENOENT' ? 'no such file' : `can't be read (${code})`;
    const expected = 'a Hugging Face folder with config.json, model.safetensors and tokenizer.json';
    throw new Refusal(`${path}: ${what}: --model is ${expected}`);
  }
}

async function readSeen(cacheFile: string): Promise<Seen | undefined> {
  try {
    return JSON.parse(await readFile(cacheFile, 'utf8')) as Seen;
  } catch {
    return undefined; // No cache, or none that can be read: hash again.
  }
}
