import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
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

const notRoot = process.getuid?.() !== 0 && 'only root may give files away';
const looksOf = (path: string) => {
  const { uid, gid, mode } = statSync(path);
  return [uid, gid, (mode & 0o777).toString(8)];
};

test('a file that is replaced keeps its owner, its group and its mode, but opens no further than asked', {
  skip: notRoot,
}, async () => {
  const path = join(folder, 'passwords');
  writeFileSync(path, 'old');
  chownSync(path, 4242, 4243);
  chmodSync(path, 0o640);
  await writeAtomic(path, 'new');
  assert.deepEqual(looksOf(path), [4242, 4243, '640']);
  chmodSync(path, 0o666);
  await writeAtomic(path, 'new', 0o600);
  assert.deepEqual(looksOf(path), [4242, 4243, '600']);
});

test('a new file of root’s is its folder’s owner’s; in a folder that is everybody’s it stays root’s', {
  skip: notRoot,
}, async () => {
  const own = join(folder, 'own');
  mkdirSync(own);
  chownSync(own, 4242, 4243);
  await writeAtomic(join(own, 'new'), 'new', 0o600);
  assert.deepEqual(looksOf(join(own, 'new')), [4242, 4243, '600']);
  for (const mode of [0o777, 0o1777]) {
    chmodSync(own, mode);
    chownSync(join(own, 'new'), 4242, 4243);
    await writeAtomic(join(own, 'new'), 'new', 0o600);
    assert.deepEqual(looksOf(join(own, 'new')), [0, 0, '600']);
  }
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

test('a new folder of root’s is whose the folder around it is, of the mode asked for; not in one that is everybody’s', {
  skip: notRoot,
}, async () => {
  const home = join(folder, 'home');
  mkdirSync(home);
  chownSync(home, 4242, 4243);
  await requireFolder(join(home, 'a', 'b'), 'the bundle', 0o700);
  assert.deepEqual(looksOf(join(home, 'a')).slice(0, 2), [4242, 4243]);
  assert.deepEqual(looksOf(join(home, 'a', 'b')), [4242, 4243, '700']);
  chmodSync(home, 0o1777);
  await requireFolder(join(home, 'c'), 'the bundle');
  assert.deepEqual(looksOf(join(home, 'c')).slice(0, 2), [0, 0]);
});

test('a parent that refuses new names is told, not tried for ever', async () => {
  await assert.rejects(requireFolder('/proc/fleetune/runs', 'runs'), {
    name: 'Refusal',
    message: /\(ENOENT\)/,
  });
});
