import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseConfig, tensorShapes } from '../../../device/engine/config.js';
import { initModel } from '../../../device/engine/engine.js';
import { readWeight, readWeightIndex } from '../../../device/engine/weights.js';
import { modelFolder, newPath, readModel, tinyConfig, tokenizerFile } from './model-folder.js';

test('a model of a config has all its tensors, at their shapes, and the files of a hub folder', async () => {
  for (const changes of [
    {},
    { feed_forward_proj: 'relu', tie_word_embeddings: true, num_decoder_layers: 1 },
  ]) {
    const folder = await modelFolder(changes);
    const config = { ...tinyConfig, ...changes };
    assert.deepEqual(JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')), config);
    assert.deepEqual(await readFile(join(folder, 'tokenizer.json')), await readFile(tokenizerFile));
    const shapes = new Map([...(await readModel(folder))].map(([name, { shape }]) => [name, shape]));
    assert.deepEqual(shapes, tensorShapes(parseConfig(config, 'config.json')));
  }
});

test('the same seed gives the same bytes, another seed others', async () => {
  const bytes = async (seed: number) => readFile(join(await modelFolder({}, seed), 'model.safetensors'));
  assert.deepEqual(await bytes(1), await bytes(1));
  assert.notDeepEqual(await bytes(1), await bytes(2));
});

test("the numbers have the mean and deviation of transformers' initialization", async () => {
  const tensors = await readModel(await modelFolder({ d_model: 64, d_kv: 32, d_ff: 256 }));
  const deviations: Record<string, number> = {
    'shared.weight': 1,
    'lm_head.weight': 1,
    'encoder.block.0.layer.0.SelfAttention.q.weight': (64 * 32) ** -0.5,
    'encoder.block.0.layer.0.SelfAttention.k.weight': 64 ** -0.5,
    'encoder.block.0.layer.0.SelfAttention.o.weight': (32 * 4) ** -0.5,
    'decoder.block.1.layer.2.DenseReluDense.wi_0.weight': 64 ** -0.5,
    'decoder.block.1.layer.2.DenseReluDense.wo.weight': 256 ** -0.5,
  };
  for (const [name, expected] of Object.entries(deviations)) {
    const { data } = tensors.get(name)!;
    const mean = data.reduce((sum, x) => sum + x, 0) / data.length;
    const deviation = Math.sqrt(data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / data.length);
    assert(Math.abs(mean) < 0.05 * expected, `${name}: mean ${mean}`);
    assert(
      Math.abs(deviation / expected - 1) < 0.05,
      `${name}: deviation ${deviation}, expected ${expected}`,
    );
  }
  assert(tensors.get('encoder.final_layer_norm.weight')!.data.every((x) => x === 1));
});

test('a config or tokenizer that is not there is refused by name', async () => {
  const config = newPath();
  const init = (tokenizer: string) => initModel(config, tokenizer, newPath(), 1);
  await assert.rejects(init(tokenizerFile), {
    name: 'Refusal',
    message: new RegExp(`^${config}: no such file`),
  });
  await writeFile(config, JSON.stringify(tinyConfig));
  await assert.rejects(init('missing.json'), { name: 'Refusal', message: /^missing\.json: can't be copied/ });
});

test('weights can be narrow, and in shards with an index', async () => {
  const config = `${newPath()}.json`;
  await writeFile(config, JSON.stringify(tinyConfig));
  const wide = await readModel(await modelFolder());
  for (const dtype of ['F16', 'BF16'] as const) {
    const folder = newPath();
    const files = await initModel(config, tokenizerFile, folder, 1, { dtype, shardBytes: 100_000 });
    assert.ok(files.length > 2 && files[0] === `model-00001-of-0000${files.length}.safetensors`, `${files}`);
    const parsed = parseConfig(tinyConfig, 'config.json');
    const index = await readWeightIndex(folder, parsed);
    assert.deepEqual(new Set([...index.values()].map(({ file }) => file)), new Set(files));
    for (const [name, { data }] of wide) {
      const read = await readWeight(folder, index.get(name)!);
      assert.ok(
        read.every((x, i) => Math.abs(x - data[i]!) <= Math.abs(data[i]!) * 2 ** -8 + 1e-7),
        name,
      );
    }
  }
  const folder = await modelFolder();
  await initModel(config, tokenizerFile, folder, 1, { shardBytes: 100_000 });
  await initModel(config, tokenizerFile, folder, 1);
  assert.deepEqual(await readModel(folder), wide); // No index of the shards is left.
});
