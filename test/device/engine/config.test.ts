import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseConfig, tensorShapes } from '../../../device/engine/config.js';
import { openEngine } from '../../../device/engine/engine.js';
import { modelFolder, newPath, tinyConfig } from './model-folder.js';

const refused = (folder: string, message: RegExp) =>
  assert.rejects(openEngine(folder, { threads: 1 }), { name: 'Refusal', message });
const parsed = (changes: Record<string, unknown>) =>
  parseConfig({ ...tinyConfig, ...changes }, 'config.json');

test('a folder without a config.json that can be read is refused, the file named', async () => {
  const folder = await modelFolder();
  const file = join(folder, 'config.json');
  for (const [content, message] of [
    ['{"model_type": "t5"', /config\.json: not JSON/],
    ['null', /config\.json: holds no JSON object/],
    ['[]', /config\.json: model_type is undefined/],
  ] as const) {
    await writeFile(file, content);
    await refused(folder, message);
  }
  await rm(file);
  await refused(folder, /config\.json: no such file: expected a Hugging Face T5 folder/);
  await refused(newPath(), /config\.json: no such file/);
});

test('all that is wrong with a config is said at once', () => {
  assert.throws(
    () => parsed({ model_type: 'bert', d_model: -1, num_heads: '4', feed_forward_proj: 'gated-silu' }),
    {
      name: 'Refusal',
      message:
        'config.json: model_type is "bert", expected "t5"; ' +
        'feed_forward_proj is "gated-silu", expected "relu" or "gated-gelu"; ' +
        'd_model is -1, expected a whole number above 0; num_heads is "4", expected a whole number above 0',
    },
  );
});

test('the head is tied unless the config says otherwise, in the words of either version of transformers', () => {
  const tied = (changes: Record<string, unknown>) => {
    const { tie_word_embeddings: _, ...absent } = tinyConfig;
    return parseConfig({ ...absent, ...changes }, 'config.json').tied;
  };
  assert.equal(tied({}), true);
  assert.equal(tied({ tie_word_embeddings: true }), true);
  assert.equal(tied({ tie_word_embeddings: false }), false);
  assert.equal(tied({ tie_word_embeddings: true, scale_decoder_outputs: false }), false);
});

test('sizes that T5 may leave out have its defaults', () => {
  const { decoderLayers, buckets, maxDistance, epsilon, padId, eosId, startId } = parsed({ num_layers: 3 });
  assert.deepEqual(
    { decoderLayers, buckets, maxDistance, epsilon, padId, eosId, startId },
    { decoderLayers: 3, buckets: 32, maxDistance: 128, epsilon: 1e-6, padId: 0, eosId: 1, startId: 0 },
  );
});

test('the tensors of FLAN-T5-small are its 76,961,152 numbers', () => {
  const small = { vocab_size: 32128, d_model: 512, d_kv: 64, d_ff: 1024, num_heads: 6, num_layers: 8 };
  const count = [...tensorShapes(parsed(small)).values()].reduce(
    (sum, shape) => sum + shape.reduce((a, b) => a * b, 1),
    0,
  );
  assert.equal(count, 76_961_152);
});
