import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openCeiling, productsOf } from '../../../device/engine/ceiling.js';
import { parseConfig } from '../../../device/engine/config.js';

const config = parseConfig(
  { model_type: 't5', vocab_size: 300, d_model: 64, d_kv: 8, d_ff: 128, num_heads: 4, num_layers: 1 },
  'test',
);

test('a ceiling takes large products and those of the model, each once', () => {
  const products = productsOf(config, 8, 256, 48).map(String);
  for (const product of ['2048,512,1024', '2048,64,32', '2048,64,128', '2048,128,64', '384,64,300'])
    assert.ok(products.includes(product), product);
  assert.equal(new Set(products).size, products.length);
});

test('a wide head is cut, so that its copies take no gigabytes', () => {
  const wide = { ...config, dModel: 2048, vocabSize: 250_000 };
  const head = productsOf(wide, 1, 8, 8).at(-1)!;
  assert.ok(head[1] * head[2] <= 2 ** 25);
});

test('the rate of a product is measured', async () => {
  const ceiling = await openCeiling([[64, 64, 64]], 1);
  const { gflops, product } = await ceiling.measure();
  await ceiling.release();
  assert.deepEqual(product, [64, 64, 64]);
  assert.ok(gflops > 0.01 && Number.isFinite(gflops), `${gflops}`);
});
