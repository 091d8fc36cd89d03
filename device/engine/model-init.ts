import { copyFile, mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { random } from '../../schemas/random.js';
import { Refusal } from '../../schemas/refusal.js';
import { readConfigFile, type T5Config, tensorShapes } from './config.js';

/**
 * Writes a hub folder of a config's true geometry with seeded random weights (float32), a tensor at a time. Standard
 * deviations are those of transformers' T5 (`_init_weights`, factor 1); norms are 1.
 * @param config path of a config.json
 * @param tokenizer path of a tokenizer.json
 * @throws Refusal that names the one that can't be read
 */
export async function initModel(
  config: string,
  tokenizer: string,
  folder: string,
  seed: number,
): Promise<void> {
  const { raw, config: parsed } = await readConfigFile(config);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'config.json'), `${JSON.stringify(raw, null, 2)}\n`);
  await copyFile(tokenizer, join(folder, 'tokenizer.json')).catch((cause: NodeJS.ErrnoException) => {
    throw new Refusal(`${tokenizer}: can't be copied (${cause.code}): expected a tokenizer.json`, { cause });
  });
  const file = await open(join(folder, 'model.safetensors'), 'w');
  try {
    const shapes = tensorShapes(parsed);
    await file.write(header(shapes));
    for (const [name, shape] of shapes)
      await file.write(new Uint8Array(initial(parsed, name, shape, seed).buffer));
    await file.sync();
  } finally {
    await file.close();
  }
}

function header(shapes: Map<string, number[]>): Uint8Array {
  const entries: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const [name, shape] of shapes) {
    const bytes = shape.reduce((a, b) => a * b, 4);
    entries[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  const json = Buffer.from(JSON.stringify(entries));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json]);
}

/** The seeded initial numbers of one tensor. */
export function initial(
  config: T5Config,
  name: string,
  shape: readonly number[],
  seed: number,
): Float32Array<ArrayBuffer> {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  if (name.endsWith('layer_norm.weight')) return data.fill(1);
  const deviation = deviationOf(config, name);
  const next = random(`${seed} ${name}`);
  for (let i = 0; i < data.length; i++) {
    // Box and Muller; 1 − u, for the logarithm of 0 is infinite.
    data[i] = deviation * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  }
  return data;
}

function deviationOf({ dModel, dKv, dFf, heads }: T5Config, name: string): number {
  if (name === 'shared.weight' || name === 'lm_head.weight') return 1;
  const module = name.split('.').at(-2)!;
  if (module === 'q') return (dModel * dKv) ** -0.5;
  if (module === 'o') return (dKv * heads) ** -0.5;
  if (module === 'wo') return dFf ** -0.5;
  return dModel ** -0.5;
}
