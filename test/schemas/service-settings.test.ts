import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode } from '../../schemas/codec.js';
import { chunkProblem } from '../../schemas/service-settings.js';
import { topicsOf } from '../../schemas/topics.js';

test('the largest chunk that the settings allow fits into their packet, with the longest names', () => {
  const name = 'a'.repeat(64);
  const most = 999_999_999;
  const data = new Uint8Array(2048);
  const numbers = { index: 9_999, count: 10_000, totalBytes: 2 ** 30 };
  const key = { run: name, round: 1_000_000, kind: 'evaluate' } as const;
  const chunk = encode('Chunk', { key, sha256: 'f'.repeat(64), ...numbers, data });
  const topics = topicsOf(name);
  const maxPacketBytes = 2 ** 14;
  for (const topic of [topics.update(name, 1_000_000), topics.adapterChunk(name, most, most)]) {
    const around = topic.length + 9 + chunk.length - data.length; // A PUBLISH's own numbers take up to 9.
    assert.ok(chunkProblem({ chunkBytes: maxPacketBytes - around + 1, maxPacketBytes }), `${around} bytes`);
  }
});

test('chunks that do not fit into a packet are a problem that names both settings', () => {
  const problem = chunkProblem({ chunkBytes: 2 ** 14, maxPacketBytes: 2 ** 14 });
  assert.match(String(problem), /^chunkBytes: 16384 .* maxPacketBytes 16384, expected at most \d+$/);
  assert.equal(chunkProblem({ chunkBytes: 2 ** 13, maxPacketBytes: 2 ** 14 }), undefined);
});
