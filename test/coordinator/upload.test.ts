import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { chunkBytesOf, Upload } from '../../coordinator/upload.js';
import type { Chunk } from '../../schemas/messages.js';

const limits = { maxUpdateBytes: 1000, maxChunks: 100 };
let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'fleetune-upload-'));
});
after(() => rm(root, { recursive: true }));

function chunksOf(bytes: Uint8Array, chunkBytes: number): Chunk[] {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const count = Math.ceil(bytes.length / chunkBytes);
  return Array.from({ length: count }, (_, index) => {
    const data = bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes);
    return { sha256, index, count, totalBytes: bytes.length, data };
  });
}

const bytes = Buffer.from(Array.from({ length: 95 }, (_, i) => i));
const chunks = chunksOf(bytes, 10);
const spool = (name: string) => join(root, 'spool', name);
const uploadIn = (folder: string, chunk = chunks[0]!) => new Upload(spool(folder), 'd', chunk.sha256);

test('chunks are taken in order, and every other one is answered with the one that is wanted', async () => {
  const upload = uploadIn('order');
  assert.equal(await upload.take(chunks[3]!, 10), 0);
  assert.equal(await upload.take(chunks[0]!, 10), 1);
  assert.equal(await upload.take(chunks[0]!, 10), 1);
  assert.equal(await upload.take(chunks[2]!, 10), 1);
  for (const [index, chunk] of chunks.entries())
    if (index > 0) assert.equal(await upload.take(chunk, 10), index + 1);
  assert.equal(await upload.take(chunks[4]!, 10), 10);
  assert.deepEqual(Buffer.from((await upload.read())!), bytes);
  await upload.keep(join(spool('order'), 'd.update'));
  assert.deepEqual(await readdir(spool('order')), ['d.update']);
});

test('a restart goes on where the part file ends, and writes a torn chunk again', async () => {
  for (const chunk of chunks.slice(0, 4)) await uploadIn('restart').take(chunk, 10);
  const [part] = await readdir(spool('restart'));
  const path = join(spool('restart'), part!);
  await writeFile(path, (await readFile(path)).subarray(0, 34));
  assert.equal(await uploadIn('restart').take(chunks[0]!, 10), 3);
  for (const chunk of chunks.slice(3)) await uploadIn('restart').take(chunk, 10);
  assert.deepEqual(Buffer.from((await uploadIn('restart').read())!), bytes);
  await writeFile(path, bytes.subarray(0, 3));
  assert.equal(await uploadIn('restart').take(chunks[0]!, 10), 1);
});

test('another sha256 of the same device replaces an unfinished upload, and no other device’s', async () => {
  await uploadIn('replace').take(chunks[0]!, 10);
  const others = chunksOf(bytes.subarray(1), 10);
  await new Upload(spool('replace'), 'd2', others[0]!.sha256).take(others[0]!, 10);
  await uploadIn('replace', others[0]!).take(others[0]!, 10);
  assert.deepEqual(
    (await readdir(spool('replace'))).map((name) => name.slice(0, name.indexOf('.') + 5)).sort(),
    [`d.${others[0]!.sha256.slice(0, 4)}`, `d2.${others[0]!.sha256.slice(0, 4)}`],
  );
});

test('bytes that are not those announced are given up', async () => {
  const [first, ...rest] = chunks;
  const upload = uploadIn('damaged');
  await upload.take({ ...first!, data: Buffer.alloc(10, 7) }, 10);
  for (const chunk of rest) await upload.take(chunk, 10);
  assert.equal(await upload.read(), undefined);
  assert.deepEqual(await readdir(spool('damaged')), []);
});

test('the size of all chunks follows from any one of them', () => {
  for (const chunk of chunks) assert.equal(chunkBytesOf(chunk, limits), 10);
  const [only] = chunksOf(bytes, 200);
  assert.equal(chunkBytesOf(only!, limits), 95);
});

const wrong: [string, Partial<Chunk>, RegExp][] = [
  [
    'over the limit of bytes',
    { totalBytes: 1001, count: 101 },
    /1001 bytes, at most 1000 \(maxUpdateBytes\)/,
  ],
  ['over the limit of chunks', { count: 101 }, /101 chunks, at most 100/],
  ['too short for its count', { data: Buffer.alloc(9) }, /9 bytes, which fit no 10 chunks/],
];
for (const [what, change, reason] of wrong)
  test(`a chunk ${what} is refused`, () => {
    assert.match(String(chunkBytesOf({ ...chunks[0]!, ...change }, limits)), reason);
  });

test('a last chunk that does not fit is refused', () => {
  const last = chunks.at(-1)!;
  assert.match(String(chunkBytesOf({ ...last, data: last.data.subarray(1) }, limits)), /4 bytes, which fit/);
});
