import { copyFile, mkdir, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toBfloat16, toHalf } from '../../schemas/half.js';
import { random } from '../../schemas/random.js';
import { Refusal } from '../../schemas/refusal.js';
import { readConfigFile, type T5Config, tensorShapes } from './config.js';

export interface InitOptions {
  /** Default F32. */
  dtype?: WeightType;
  /** A file holds tensors of so many bytes at most, or a single one; 0, the default: all are in one file. */
  shardBytes?: number;
}

export const weightTypes = ['F32', 'F16', 'BF16'] as const;
export type WeightType = (typeof weightTypes)[number];

/** How float32 numbers are written. */
const written: Record<WeightType, (data: Float32Array<ArrayBuffer>) => Uint8Array> = {
  F32: (data) => new Uint8Array(data.buffer, 0, data.byteLength),
  F16: (data) => new Uint8Array(Uint16Array.from(data, toHalf).buffer),
  BF16: (data) => new Uint8Array(Uint16Array.from(data, toBfloat16).buffer),
};

const bytesOf = { F32: 4, F16: 2, BF16: 2 };
const numbersAtOnce = 2 ** 20;

/**
 * Writes a hub folder of a config's true geometry with seeded random weights, a piece of a tensor at a time. Standard
 * deviations are those of transformers' T5 (`_init_weights`, factor 1); norms are 1.
 * @param config path of a config.json
 * @param tokenizer path of a tokenizer.json
 * @returns names of the files that hold the weights
 * @throws Refusal that names the one that can't be read
 */
export async function initModel(
  config: string,
  tokenizer: string,
  folder: string,
  seed: number,
  { dtype = 'F32', shardBytes = 0 }: InitOptions = {},
): Promise<string[]> {
  const { raw, config: parsed } = await readConfigFile(config);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'config.json'), `${JSON.stringify(raw, null, 2)}\n`);
  await copyFile(tokenizer, join(folder, 'tokenizer.json')).catch((cause: NodeJS.ErrnoException) => {
    throw new Refusal(`${tokenizer}: can't be copied (${cause.code}): expected a tokenizer.json`, { cause });
  });
  const shards = shared(tensorShapes(parsed), bytesOf[dtype], shardBytes || Number.POSITIVE_INFINITY);
  const names = shards.map((_, i) => shardName(i, shards.length));
  for (const [i, shapes] of shards.entries()) {
    const file = await open(join(folder, names[i]!), 'w');
    try {
      await file.writeFile(header(shapes, dtype));
      for (const [name, shape] of shapes) {
        for (const numbers of initial(parsed, name, shape, seed))
          await file.appendFile(written[dtype](numbers));
      }
      await file.sync();
    } finally {
      await file.close();
    }
  }
  await writeIndex(folder, shards, names, bytesOf[dtype]);
  return names;
}

type Shapes = Map<string, number[]>;

const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Tensors dealt to files in their order. */
function shared(shapes: Shapes, bytesEach: number, limit: number): Shapes[] {
  const shards: Shapes[] = [new Map()];
  let bytes = 0;
  for (const [name, shape] of shapes) {
    const size = bytesEach * count(shape);
    if (bytes > 0 && bytes + size > limit) {
      shards.push(new Map());
      bytes = 0;
    }
    shards.at(-1)!.set(name, shape);
    bytes += size;
  }
  return shards;
}

const five = (n: number) => String(n).padStart(5, '0');
const shardName = (i: number, shards: number) =>
  shards === 1 ? 'model.safetensors' : `model-${five(i + 1)}-of-${five(shards)}.safetensors`;

/** The index where there are shards; none of an earlier model is left where there are not. */
async function writeIndex(
  folder: string,
  shards: Shapes[],
  names: string[],
  bytesEach: number,
): Promise<void> {
  const path = join(folder, 'model.safetensors.index.json');
  if (shards.length === 1) return rm(path, { force: true });
  const map = shards.flatMap((shapes, i) => [...shapes.keys()].map((name) => [name, names[i]!]));
  const size = shards.reduce(
    (sum, shapes) => [...shapes.values()].reduce((s, shape) => s + count(shape), sum),
    0,
  );
  const index = { metadata: { total_size: size * bytesEach }, weight_map: Object.fromEntries(map) };
  await writeFile(path, `${JSON.stringify(index, null, 2)}\n`);
}

function header(shapes: Shapes, dtype: WeightType): Uint8Array {
  const entries: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const [name, shape] of shapes) {
    const end = offset + bytesOf[dtype] * count(shape);
    entries[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(entries));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json]);
}

/** The seeded initial numbers of one tensor, in pieces. */
function* initial(
  config: T5Config,
  name: string,
  shape: readonly number[],
  seed: number,
): Generator<Float32Array<ArrayBuffer>> {
  const isNorm = name.endsWith('layer_norm.weight');
  const deviation = isNorm ? 1 : deviationOf(config, name);
  const next = random(`${seed} ${name}`);
  const all = count(shape);
  for (let at = 0; at < all; at += numbersAtOnce) {
    const data = new Float32Array(Math.min(numbersAtOnce, all - at)).fill(1);
    if (!isNorm)
      for (let i = 0; i < data.length; i++) {
        // Box and Muller; 1 − u, for the logarithm of 0 is infinite.
        data[i] = deviation * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
      }
    yield data;
  }
}

function deviationOf({ dModel, dKv, dFf, heads }: T5Config, name: string): number {
  if (name === 'shared.weight' || name === 'lm_head.weight') return 1;
  const module = name.split('.').at(-2)!;
  if (module === 'q') return (dModel * dKv) ** -0.5;
  if (module === 'o') return (dKv * heads) ** -0.5;
  if (module === 'wo') return dFf ** -0.5;
  return dModel ** -0.5;
}
