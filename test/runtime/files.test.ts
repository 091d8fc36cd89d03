import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { requireFolder, writeAtomic } from '../../runtime/files.js';

const folder = mkdtempSync(join(tmpdir(), 'fleetune-files-'));
after(() => rmSync(folder, { recursive: true }));

test('a file is replaced as a whole, with nothing left beside it', async () => {
  const path = join(folder, 'a.json');
  await writeAtomic(path, 'old and longer');
  await writeAtomic(path, Buffer.from('new'));
  assert.equal(readFileSync(path, 'utf8'), 'new');
  assert.deepEqual(readdirSync(folder), ['a.json']);
});

test('writes of one file at the same time leave one of them, whole', async () => {
  const path = join(folder, 'a.json');
  const texts = Array.from({ length: 20 }, (_, i) => String(i).repeat(1000 * i + 1));
  await Promise.all(texts.map((text) => writeAtomic(path, text)));
  assert.ok(texts.includes(readFileSync(path, 'utf8')));
  assert.deepEqual(readdirSync(folder), ['a.json']);
});

test('a folder is made where it is missing, and refused by its name and use where it can’t be', async () => {
  await requireFolder(join(folder, 'runs', 'deep'), 'runs');
  await writeAtomic(join(folder, 'runs', 'deep', 'x'), 'x');
  writeFileSync(join(folder, 'file'), '');
  await assert.rejects(requireFolder(join(folder, 'file', 'runs'), 'runs'), {
    name: 'Refusal',
    message: /^runs: can't write to .*file\/runs \(ENOTDIR\): give a folder that this user may write$/,
  });
});

test('a parent that refuses new names is told, not tried for ever', async () => {
  await assert.rejects(requireFolder('/proc/fleetune/runs', 'runs'), {
    name: 'Refusal',
    message: /\(ENOENT\)/,
  });
});
