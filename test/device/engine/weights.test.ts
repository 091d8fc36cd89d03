import assert from 'node:assert/strict';
import { readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openEngine } from '../../../device/engine/engine.js';
import type { NamedTensors } from '../../../schemas/tensors.js';
import { modelFolder, newPath, readModel, writeModel } from './model-folder.js';
import { examples, lora, text, training } from './training-task.js';

/** What a folder's model makes of the examples: read frozen, from the file, and read to be trained. */
async function losses(folder: string): Promise<{ evaluated: number; trained: number; adapted: number }> {
  const engine = await openEngine(folder, { threads: 2 });
  const once = { ...training, steps: 1, batchSize: examples.length };
  const { loss: evaluated } = await engine.evaluate(undefined, examples, { ...text, maxTargetTokens: 16 });
  const { loss: trained } = await engine.trainAll(
    undefined,
    examples,
    once,
    { ...text, maxTargetTokens: 16 },
    1,
  );
  const adapter = { lora, tensors: engine.freshAdapter(lora, 1) };
  const { loss: adapted } = await engine.train(adapter, examples, once, { ...text, maxTargetTokens: 16 }, 1);
  await engine.release();
  return { evaluated, trained, adapted };
}

for (const [dtype, half] of [
  ['F16', { toBits: toFloat16, fractionBits: 10 }],
  ['BF16', { toBits: toBfloat16, fractionBits: 7 }],
] as const) {
  test(`${dtype} weights are read as the numbers that they are`, async () => {
    const [narrow, wide] = [await modelFolder(), await modelFolder()];
    const before = await losses(wide);
    const tensors = await readModel(narrow);
    await writeFile(join(narrow, 'model.safetensors'), encodeHalf(tensors, dtype, half.toBits));
    for (const { data } of tensors.values()) data.set(data.map((x) => rounded(x, half.fractionBits)));
    await writeModel(wide, tensors);
    const [found, expected] = [await losses(narrow), await losses(wide)];
    for (const key of ['evaluated', 'trained', 'adapted'] as const) {
      assert(
        Math.abs(found[key] / expected[key] - 1) < 1e-5,
        `${key}: ${found[key]}, expected ${expected[key]}`,
      );
      assert(
        Math.abs(found[key] / before[key] - 1) < 0.02,
        `${key}: ${found[key]}, in float32 ${before[key]}`,
      );
    }
  });
}

test('a sharded model is the same model', async () => {
  const [whole, sharded] = [await modelFolder(), await modelFolder()];
  const files = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
  const shards = await shard(sharded, files);
  assert.deepEqual(await losses(sharded), await losses(whole));

  await rm(join(sharded, files[1]!));
  await refused(sharded, new RegExp(`${files[1]}: can't be read \\(ENOENT\\)`));
  const index = join(sharded, 'model.safetensors.index.json');
  await writeFile(
    index,
    JSON.stringify({ weight_map: { ...shards, 'shared.weight': '../other.safetensors' } }),
  );
  await refused(sharded, /index\.json: names \.\.\/other\.safetensors, which is outside the folder/);
  for (const [content, message] of [
    ['{"weight_map": {', /index\.json: not JSON/],
    ['null', /index\.json: has no weight_map/],
    ['{"weight_map": {"shared.weight": 3}}', /3: can't be read/],
  ] as const) {
    await writeFile(index, content);
    await refused(sharded, message);
  }
});

test('a folder without weights is refused, the file named', async () => {
  const folder = await modelFolder();
  await rename(join(folder, 'model.safetensors'), newPath());
  await refused(folder, /model\.safetensors: can't be read \(ENOENT\)/);
});

test('a file that was cut short is refused, wherever the cut is', async () => {
  const folder = await modelFolder();
  const file = join(folder, 'model.safetensors');
  const { length } = await readFile(file);
  for (const bytes of [length - 1, length >> 1, 500, 8, 3, 0]) {
    await truncate(file, bytes);
    await refused(folder, /model\.safetensors: not a whole safetensors file/);
  }
});

test('tensors that are missing or not of the shape of the config are named', async () => {
  const folder = await modelFolder();
  const tensors = await readModel(folder);
  const name = 'decoder.block.1.layer.1.EncDecAttention.k.weight';
  const right = tensors.get(name)!;
  tensors.delete(name);
  await writeModel(folder, tensors);
  await refused(folder, new RegExp(`^[^\n]*${name} is missing$`));
  await writeModel(folder, tensors.set(name, { shape: [16, 64], data: right.data }));
  await refused(folder, new RegExp(`${name} is \\[16,64\\], config\\.json says \\[32,32\\]`));
});

const refused = (folder: string, message: RegExp) =>
  assert.rejects(openEngine(folder, { threads: 1 }), { name: 'Refusal', message });

/** Splits a folder's model over two files with an index, as the hub does with large ones. */
async function shard(folder: string, files: readonly string[]): Promise<Record<string, string>> {
  const tensors = [...(await readModel(folder))];
  const half = tensors.length >> 1;
  await writeModel(folder, new Map(tensors.slice(0, half)), files[0]);
  await writeModel(folder, new Map(tensors.slice(half)), files[1]);
  const map = Object.fromEntries(tensors.map(([name], i) => [name, files[i < half ? 0 : 1]!]));
  await writeFile(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
  await rm(join(folder, 'model.safetensors'));
  return map;
}

/** x with so many bits behind the leading one; none of the models' numbers is a tie. */
function rounded(x: number, fractionBits: number): number {
  if (x === 0) return 0;
  const unit = 2 ** (Math.max(Math.floor(Math.log2(Math.abs(x))), -14) - fractionBits);
  return Math.round(x / unit) * unit;
}

function toFloat16(x: number): number {
  const sign = x < 0 ? 0x8000 : 0;
  const size = Math.abs(rounded(x, 10));
  const exponent = size === 0 ? -14 : Math.max(Math.floor(Math.log2(size)), -14);
  // A leading one, where there is one, carries into the exponent's lowest bit.
  return sign + ((exponent + 14) << 10) + size * 2 ** (10 - exponent);
}

function toBfloat16(x: number): number {
  return new Uint32Array(Float32Array.of(rounded(x, 7)).buffer)[0]! >>> 16;
}

function encodeHalf(tensors: NamedTensors, dtype: string, toBits: (x: number) => number): Buffer {
  const header: Record<string, unknown> = {};
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + 2 * data.length] };
    offset += 2 * data.length;
    parts.push(new Uint8Array(Uint16Array.from(data, toBits).buffer));
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...parts]);
}
