import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Refusal } from '../../schemas/refusal.js';
import { Spool } from '../../telemetry/spool.js';

const root = mkdtempSync(join(tmpdir(), 'fleetune-spool-'));
after(() => rmSync(root, { recursive: true }));
let folders = 0;
const folder = () => join(root, String(folders++));
const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `m v=${from + i} ${from + i}`);

async function readAll(spool: Spool, maxLines = 7): Promise<string[]> {
  const all: string[] = [];
  for (;;) {
    const { lines, acknowledge } = await spool.peek(maxLines);
    if (lines.length === 0) return all;
    all.push(...lines);
    await acknowledge();
  }
}

test('lines are read back once, in the order in which they were appended', async () => {
  const spool = await Spool.open(folder(), 1 << 20);
  await spool.append(numbered(0, 500));
  await spool.append(numbered(500, 510));
  assert.deepEqual(await readAll(spool), numbered(0, 510));
  assert.deepEqual((await spool.peek(10)).lines, []);
  await spool.append(numbered(510, 512));
  assert.deepEqual(await readAll(spool), numbered(510, 512));
});

test('lines that nobody acknowledged are read again, also after a restart', async () => {
  const at = folder();
  const spool = await Spool.open(at, 1 << 20);
  await spool.append(numbered(0, 20));
  await (await spool.peek(5)).acknowledge();
  assert.deepEqual((await spool.peek(3)).lines, numbered(5, 8));
  const again = await Spool.open(at, 1 << 20);
  assert.deepEqual(await readAll(again), numbered(5, 20));
});

test('a spool over its limit drops its oldest lines and counts those that were not read', async () => {
  const at = folder();
  const maxBytes = 8 * 1024;
  const spool = await Spool.open(at, maxBytes);
  for (let i = 0; i < 2000; i += 10) await spool.append(numbered(i, i + 10));
  const bytes = readdirSync(at).reduce((sum, name) => sum + statSync(join(at, name)).size, 0);
  assert.ok(bytes <= maxBytes, `${bytes} bytes on disk`);
  const left = await readAll(spool);
  assert.deepEqual(left, numbered(2000 - left.length, 2000));
  assert.equal(spool.dropped, 2000 - left.length);
  assert.ok(spool.dropped > 0);
});

test('what was read takes no room and is not counted as dropped', async () => {
  const at = folder();
  const spool = await Spool.open(at, 8 * 1024);
  for (let i = 0; i < 2000; i += 10) {
    await spool.append(numbered(i, i + 10));
    assert.equal((await readAll(spool)).length, 10);
  }
  assert.equal(spool.dropped, 0);
  assert.ok(readdirSync(at).length <= 3, readdirSync(at).join());
});

test('a line that a kill cut short is left out', async () => {
  const at = folder();
  const spool = await Spool.open(at, 1 << 20);
  await spool.append(numbered(0, 3));
  appendFileSync(join(at, '000000000001.lp'), 'm v=3');
  const again = await Spool.open(at, 1 << 20);
  await again.append(numbered(4, 5));
  assert.deepEqual(await readAll(again), [...numbered(0, 3), ...numbered(4, 5)]);
});

test('a folder that is a file is refused', async () => {
  const at = folder();
  writeFileSync(at, '');
  await assert.rejects(
    Spool.open(at, 1 << 20),
    (error) => error instanceof Refusal && error.message.includes(at),
  );
});
