import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { AdapterCache } from '../../device/adapter-cache.js';
import { sha256Of } from './scripted-coordinator.js';

const root = mkdtempSync(join(tmpdir(), 'fleetune-cache-'));
after(() => rmSync(root, { recursive: true }));

const versions = [1, 2, 3].map((n) => {
  const bytes = new Uint8Array(100).fill(n);
  return { bytes, sha256: sha256Of(bytes) };
});
const [first, second, third] = versions as [(typeof versions)[0], (typeof versions)[0], (typeof versions)[0]];

test('the two adapters that were used last are kept', async () => {
  const folder = join(root, 'a');
  const cache = new AdapterCache(folder);
  await cache.put(first.sha256, first.bytes);
  await cache.put(second.sha256, second.bytes);
  for (const [age, { sha256 }] of [second, first].entries())
    utimesSync(join(folder, `${sha256}.safetensors`), 1_000 + age, 1_000 + age);
  // To be asked for makes it the newer one.
  assert.deepEqual(await cache.get(second.sha256), Buffer.from(second.bytes));
  await cache.put(third.sha256, third.bytes);
  assert.equal(await cache.get(first.sha256), undefined);
  assert.deepEqual(
    readdirSync(folder).sort(),
    [second, third].map(({ sha256 }) => `${sha256}.safetensors`).sort(),
  );
});

test('an adapter that is damaged on disk is not used', async () => {
  const folder = join(root, 'b');
  const cache = new AdapterCache(folder);
  assert.equal(await cache.get(first.sha256), undefined);
  await cache.put(first.sha256, first.bytes);
  writeFileSync(join(folder, `${first.sha256}.safetensors`), 'damaged');
  assert.equal(await cache.get(first.sha256), undefined);
});
