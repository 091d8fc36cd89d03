import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { takeLock } from '../../runtime/lock.js';
import { Refusal } from '../../schemas/refusal.js';

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-lock-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

const lockIn = (folder: string) =>
  takeLock(join(folder, 'lock'), (holder) => `${folder} is in use by ${holder}: stop that`);

const inUse = (error: unknown) =>
  error instanceof Refusal && error.message.includes(`in use by process ${process.pid}: stop that`);

test('a folder in use is refused by its holder’s name, and free again after', async (t) => {
  const folder = await folderOf(t);
  const lock = await lockIn(folder);
  await assert.rejects(lockIn(folder), inUse);
  await lock.release();
  await (await lockIn(folder)).release();
  assert.deepEqual(await readdir(folder), []);
});

test('a lock is taken over whose process has ended, or is another one of that id', async (t) => {
  const folder = await folderOf(t);
  const path = join(folder, 'lock');
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(child, 'exit');
  for (const stale of [`${child.pid} boot 1\n`, `${process.pid} boot 1\n`, '', 'no number']) {
    await writeFile(path, stale);
    const lock = await lockIn(folder);
    assert.match(await readFile(path, 'utf8'), new RegExp(`^${process.pid} `));
    await lock.release();
  }
});

test('a lock that another took over meanwhile is not released', async (t) => {
  const folder = await folderOf(t);
  const lock = await lockIn(folder);
  await writeFile(join(folder, 'lock'), 'another');
  await lock.release();
  assert.equal(await readFile(join(folder, 'lock'), 'utf8'), 'another');
});
