import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { entry } from './command.js';
import { model, startHub } from './hub-server.js';
import {
  bytesOf,
  config,
  environment,
  folderOf,
  pullOf,
  repository,
  requireWhole,
  visible,
  wanted,
  weights,
} from './pull-rig.js';

test('a model is fetched, checked, and not fetched again', async (t) => {
  const hub = await startHub(t, repository);
  const folder = join(await folderOf(t), 'new');
  const first = await pullOf(hub, folder);
  assert.equal(first.err.match(/^model\.safetensors {2}2\.9 MiB$/gm)?.length, 1, first.err);
  assert.match(first.out, /google\/flan-t5-test at c0ffee000000, 4 files, 2\.9 MiB: all hashes checked/);
  assert.equal(first.code, 0);
  requireWhole(folder);
  const [asked, sent] = [hub.asked.length, hub.sent];
  const second = await pullOf(hub, folder, ['--revision', hub.commit]);
  assert.match(second.out, /all there already, nothing downloaded/);
  assert.equal(hub.sent, sent);
  assert.equal(hub.asked.length, asked + 3); // The commit and the two pages of its listing.
});

test('files that somebody else has put there are known by their hashes', async (t) => {
  const hub = await startHub(t, repository);
  const folder = await folderOf(t);
  for (const name of wanted) await writeFile(join(folder, name), hub.files.get(name)!);
  assert.match((await pullOf(hub, folder)).out, /nothing downloaded/);
  assert.equal(hub.sent, 0);
});

test('a file of another origin is not overwritten; one that a pull wrote and that was damaged is', async (t) => {
  const hub = await startHub(t, repository);
  const folder = await folderOf(t);
  await writeFile(join(folder, 'config.json'), '{"mine":true}');
  const { code, err } = await pullOf(hub, folder);
  assert.equal(code, 1);
  assert.match(err, /config\.json is not that of google\/flan-t5-test.*give another --folder, or remove it/);
  await rm(join(folder, 'config.json'));
  await pullOf(hub, folder);
  await writeFile(join(folder, 'model.safetensors'), 'damaged');
  assert.equal((await pullOf(hub, folder)).code, 0);
  requireWhole(folder);
});

test('an index and its shards are a model as well; what an older revision left goes', async (t) => {
  const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
  const index = (names: string[]) =>
    JSON.stringify({ weight_map: { 'shared.weight': names[0], 'lm_head.weight': names[1] } });
  const files = {
    ...{ 'config.json': config, 'tokenizer.json': '{}', 'model.safetensors.index.json': index(shards) },
    ...{
      [shards[0]!]: bytesOf('a', 100_000),
      [shards[1]!]: bytesOf('b', 200_000),
      'flax-00001.msgpack': 'x',
    },
  };
  const hub = await startHub(t, files);
  const folder = await folderOf(t);
  assert.equal((await pullOf(hub, folder)).code, 0);
  assert.deepEqual(visible(folder), [
    'config.json',
    ...shards,
    'model.safetensors.index.json',
    'tokenizer.json',
  ]);
  hub.files = new Map(Object.entries(repository).map(([name, bytes]) => [name, Buffer.from(bytes)]));
  hub.commit = 'd'.repeat(40);
  assert.equal((await pullOf(hub, folder)).code, 0);
  requireWhole(folder);
  hub.files = new Map(
    Object.entries({ ...files, [shards[0]!]: '' }).map(([n, bytes]) => [n, Buffer.from(bytes)]),
  );
  hub.files.delete(shards[0]!);
  const lacking = await pullOf(hub, await folderOf(t));
  assert.match(
    lacking.err,
    /lacks model-00001-of-00002\.safetensors, which its model\.safetensors\.index\.json names/,
  );
});

test('the token goes to the hub itself, from HF_TOKEN or its file, and never to the store', async (t) => {
  const hub = await startHub(t, repository);
  const seen = (at: 'hub' | 'store') =>
    new Set(hub.asked.filter((asked) => asked.at === at).map((a) => a.authorization));
  await pullOf(hub, await folderOf(t), [], { HF_TOKEN: 'secret-of-a-mirror' });
  assert.deepEqual(
    [seen('hub'), seen('store')],
    [new Set(['Bearer secret-of-a-mirror']), new Set([undefined])],
  );
  hub.asked.length = 0;
  const file = join(await folderOf(t), 'token');
  await writeFile(file, 'hf_of_a_file\n');
  await pullOf(hub, await folderOf(t), [], { HF_TOKEN_PATH: file });
  assert.deepEqual([seen('hub'), seen('store')], [new Set(['Bearer hf_of_a_file']), new Set([undefined])]);
});

test('without --folder the model’s own name is the folder', async (t) => {
  const hub = await startHub(t, repository);
  const cwd = await folderOf(t);
  const child = spawn(process.execPath, [entry, 'model', 'pull', model], {
    cwd,
    env: environment(hub),
    stdio: 'ignore',
  });
  assert.deepEqual(await once(child, 'exit'), [0, null]);
  assert.ok((await readFile(join(cwd, basename(model), 'model.safetensors'))).equals(weights));
});
