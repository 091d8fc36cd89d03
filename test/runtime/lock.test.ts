import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type LockOptions, takeLock } from '../../runtime/lock.js';
import { Refusal } from '../../schemas/refusal.js';

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-lock-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

const lockIn = (folder: string, options?: LockOptions) =>
  takeLock(join(folder, 'lock'), (holder) => `${folder} is in use by ${holder}: stop that`, options);

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

test('who holds a folder can be read by all who share it, whatever the umask', async (t) => {
  const folder = await folderOf(t);
  const before = process.umask(0o077);
  t.after(() => process.umask(before));
  const lock = await lockIn(folder);
  assert.equal((await stat(join(folder, 'lock'))).mode & 0o777, 0o644);
  await lock.release();
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

test('a lock that another took over meanwhile is not released, and who had it is told', async (t) => {
  const folder = await folderOf(t);
  const awake = setInterval(() => undefined, 60_000); // Signs hold up no process.
  t.after(() => clearInterval(awake));
  for (const isTold of ['by its next sign', 'by letting go']) {
    const problem = new Promise<Refusal>((lost) => {
      const beatMs = isTold === 'by letting go' ? 60_000 : 1;
      void lockIn(folder, { lost, pace: { beatMs, lookMs: 1, looks: 3 } }).then(async (lock) => {
        await writeFile(join(folder, 'lock'), '7 another\n');
        if (isTold === 'by letting go') await lock.release();
      });
    });
    assert.match((await problem).message, /process 7 took it over while this process stood still/, isTold);
    assert.equal(await readFile(join(folder, 'lock'), 'utf8'), '7 another\n');
  }
});

test('a lock whose folder was emptied is nobody’s, and no reason to end', async (t) => {
  const folder = await folderOf(t);
  const lost = (problem: Refusal) => assert.fail(problem);
  const lock = await lockIn(folder, { lost });
  await rm(join(folder, 'lock'));
  await lock.release();
});

test('what a former version wrote, without a namespace, counts as of this one', async (t) => {
  const folder = await folderOf(t);
  const path = join(folder, 'lock');
  const lock = await lockIn(folder);
  const [pid, boot, start] = (await readFile(path, 'utf8')).split(' ');
  await lock.release();
  await writeFile(path, `${pid} ${boot} ${start}\n`);
  await assert.rejects(lockIn(folder), inUse);
  await writeFile(path, `${pid} ${boot} 1\n`);
  await (await lockIn(folder)).release();
});

/** Puts a lock there that a process of another container has, or had. */
async function lockElsewhere(folder: string): Promise<string> {
  const path = join(folder, 'lock');
  const lock = await lockIn(folder);
  const text = (await readFile(path, 'utf8')).replace(/ \S* (\S+)\n/, ' pid:[1] $1\n');
  await lock.release();
  await writeFile(path, text);
  return path;
}

test('a holder in another container that gives no sign is taken over, and that it is waited for is told', async (t) => {
  const folder = await folderOf(t);
  const path = await lockElsewhere(folder);
  const told: string[] = [];
  const pace = { beatMs: 60_000, lookMs: 1, looks: 3 };
  const lock = await lockIn(folder, { pace, waiting: (holder) => told.push(holder) });
  assert.deepEqual(told, [`process ${process.pid} of another container`]);
  assert.doesNotMatch(await readFile(path, 'utf8'), /pid:\[1\]/);
  await lock.release();
});

test('a holder in another container that gives a sign has its lock, whatever its clock says', async (t) => {
  const folder = await folderOf(t);
  const path = await lockElsewhere(folder);
  let time = 0;
  const signs = setInterval(() => void utimes(path, 0, ++time).catch(() => undefined), 1);
  t.after(() => clearInterval(signs));
  await assert.rejects(
    lockIn(folder, { pace: { beatMs: 60_000, lookMs: 1, looks: 10_000 } }),
    /is in use by process \d+ of another container: stop that/,
  );
});

test('a holder in another container that lets go is followed at once', async (t) => {
  const folder = await folderOf(t);
  const path = await lockElsewhere(folder);
  const waiting = () => void rm(path);
  await (await lockIn(folder, { waiting, pace: { beatMs: 60_000, lookMs: 1, looks: 1_000_000 } })).release();
});

test('a holder gives signs', async (t) => {
  const folder = await folderOf(t);
  const path = join(folder, 'lock');
  const lock = await lockIn(folder, { pace: { beatMs: 1, lookMs: 1, looks: 3 } });
  await utimes(path, 0, 0);
  while ((await stat(path)).mtimeMs === 0) await turn();
  await lock.release();
});
