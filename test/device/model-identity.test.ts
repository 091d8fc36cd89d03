import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { modelIdentity } from '../../device/model-identity.js';
import { Refusal } from '../../schemas/refusal.js';
import { encodeSafetensors } from '../../schemas/tensors.js';
import { tensorsOf } from './fixtures.js';

const root = mkdtempSync(join(tmpdir(), 'fleetune-model-'));
after(() => rmSync(root, { recursive: true }));
let models = 0;

function model(): string {
  const folder = join(root, `model-${models++}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'config.json'), '{"model_type":"t5"}\n');
  writeFileSync(join(folder, 'model.safetensors'), encodeSafetensors(tensorsOf(100)));
  writeFileSync(join(folder, 'tokenizer.json'), '{"model":{}}');
  return folder;
}
const identityOf = async (folder: string, cache = 'seen.json') =>
  (await modelIdentity(folder, join(root, cache))).sha256;

test('equal files are one model, and each file counts', async () => {
  const [a, b] = [model(), model()];
  assert.equal(await identityOf(a), await identityOf(b));
  for (const name of ['config.json', 'tokenizer.json']) {
    const changed = model();
    writeFileSync(join(changed, name), '{"other":1}');
    assert.notEqual(await identityOf(changed), await identityOf(a), name);
  }
  const weights = model();
  writeFileSync(join(weights, 'model.safetensors'), encodeSafetensors(tensorsOf(100, 1)));
  assert.notEqual(await identityOf(weights), await identityOf(a));
});

test('what was hashed once is remembered until a file changes', async () => {
  const folder = model();
  const sha256 = await identityOf(folder, 'remembered.json');
  const cache = join(root, 'remembered.json');
  writeFileSync(cache, readFileSync(cache, 'utf8').replace(sha256, 'remembered'));
  assert.equal(await identityOf(folder, 'remembered.json'), 'remembered');
  utimesSync(join(folder, 'model.safetensors'), 1, 1);
  assert.equal(await identityOf(folder, 'remembered.json'), sha256);
  writeFileSync(cache, 'not JSON');
  assert.equal(await identityOf(folder, 'remembered.json'), sha256);
});

test('weights in shards are those of the index', async () => {
  const folder = model();
  const index = join(folder, 'model.safetensors.index.json');
  writeFileSync(
    index,
    JSON.stringify({ weight_map: { a: 'model-1.safetensors', b: 'model-2.safetensors' } }),
  );
  writeFileSync(join(folder, 'model-1.safetensors'), encodeSafetensors(tensorsOf(5)));
  await assert.rejects(identityOf(folder), /model-2\.safetensors: no such file/);
  writeFileSync(join(folder, 'model-2.safetensors'), encodeSafetensors(tensorsOf(6)));
  const sha256 = await identityOf(folder);
  writeFileSync(join(folder, 'model-2.safetensors'), encodeSafetensors(tensorsOf(6, 1)));
  assert.notEqual(await identityOf(folder), sha256);
  writeFileSync(index, JSON.stringify({ weight_map: { a: '../model.safetensors' } }));
  await assert.rejects(identityOf(folder), /expected a weight_map of file names/);
});

test('a missing or truncated file is refused by its name', async () => {
  const problems: [string, (path: string) => void, RegExp][] = [
    ['tokenizer.json', rmSync, /tokenizer\.json: no such file: --model is a Hugging Face folder/],
    [
      'config.json',
      (path) => truncateSync(path, 8),
      /config\.json: not a whole JSON object: was it cut short/,
    ],
    [
      'model.safetensors',
      (path) => truncateSync(path, 300),
      /model\.safetensors: not a whole safetensors file: .*300/,
    ],
    [
      'model.safetensors',
      (path) => truncateSync(path, 20),
      /model\.safetensors: not a whole safetensors file/,
    ],
    [
      'model.safetensors',
      (path) => truncateSync(path, 0),
      /model\.safetensors: not a whole safetensors file/,
    ],
  ];
  for (const [name, harm, message] of problems) {
    const folder = model();
    harm(join(folder, name));
    await assert.rejects(
      identityOf(folder),
      (e) => e instanceof Refusal && message.test(e.message) && !e.message.includes('\n'),
    );
  }
  await assert.rejects(identityOf(join(root, 'nowhere')), Refusal);
});
