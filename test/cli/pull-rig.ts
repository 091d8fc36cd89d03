/** What the tests of a pull share: a repository, and what looks at a folder. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fleetune } from './command.js';
import { model, type TestHub } from './hub-server.js';

export const config = JSON.stringify({
  ...{ model_type: 't5', vocab_size: 2048, d_model: 32, d_kv: 8, d_ff: 64, num_heads: 4, num_layers: 2 },
  feed_forward_proj: 'gated-gelu',
});
/** Bytes that no compression and no repetition hides a mistake in. */
export const bytesOf = (seed: string, count: number) =>
  Buffer.concat(
    Array.from({ length: Math.ceil(count / 32) }, (_, i) =>
      createHash('sha256').update(`${seed} ${i}`).digest(),
    ),
  ).subarray(0, count);
export const weights = bytesOf('weights', 3_000_000);
export const repository = {
  'README.md': '# a model',
  'config.json': config,
  'tokenizer.json': '{}',
  'generation_config.json': '{}',
  'model.safetensors': weights,
  'pytorch_model.bin': bytesOf('pickle', 100_000),
};
export const wanted = ['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json'];

export async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-pull-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

/** An environment with no token of the machine's own. */
export const environment = (hub: TestHub, more: Record<string, string> = {}) => ({
  ...{ PATH: process.env.PATH, HOME: '/nonexistent', HF_ENDPOINT: hub.endpoint },
  ...more,
});
export const quick = ['--retry-s', '0.01'];
export const pullOf = (
  hub: TestHub,
  folder: string,
  argv: readonly string[] = [],
  more: Record<string, string> = {},
) => fleetune(['model', 'pull', model, '--folder', folder, ...quick, ...argv], '', environment(hub, more));

export const visible = (folder: string) =>
  readdirSync(folder)
    .filter((name) => !name.startsWith('.'))
    .sort();
export const partIn = (folder: string) => readdirSync(folder).find((name) => /^model.*\.part$/.test(name));
export const requireWhole = (folder: string) => {
  assert.deepEqual(visible(folder), wanted);
  assert.ok(readFileSync(join(folder, 'model.safetensors')).equals(weights));
};
export const bodies = (hub: TestHub) => hub.asked.filter(({ path }) => /\.safetensors$/.test(path));

/** Sends a body up to a byte and cuts the connection. */
export const cutAfter = (
  bytes: number,
  from: number,
  total: number,
  response: import('node:http').ServerResponse,
) => {
  const headers = { 'content-length': total - from, 'content-range': `bytes ${from}-${total - 1}/${total}` };
  response.writeHead(from > 0 ? 206 : 200, headers);
  response.write(weights.subarray(from, bytes), () => response.destroy());
  return true;
};
export const placeOf = (range: string | undefined) => Number(/\d+/.exec(range ?? '0')![0]);
