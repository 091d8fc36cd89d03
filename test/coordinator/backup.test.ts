import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { create } from 'tar';
import { backUp } from '../../coordinator/backup.js';
import { restore } from '../../coordinator/restore.js';
import { replay } from '../../coordinator/run.js';
import { takeLock } from '../../runtime/lock.js';
import { Refusal } from '../../schemas/refusal.js';
import { begin } from './entries.js';
import { Fleet, until } from './fleet.js';
import type { Script } from './scripted-device.js';

const two: Script[] = [
  { id: 'a', step: 0.25, examples: 1 },
  { id: 'b', step: -0.5, examples: 3 },
];
const defaults = { rounds: 4, minDevices: 2, optimizer: 'fedadam' };

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-backup-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A run that has ended, its folder, and backups that were made while it went on, one after the other. */
async function runWithBackups(t: TestContext) {
  const place = await folderOf(t);
  const made = await Fleet.start(t);
  for (const one of two) await made.device(one);
  const { stop } = await made.coordinator({ defaults });
  await made.trigger();
  const begun = async () => (await made.journal((await made.runs())[0]!).catch(() => [])).length > 0;
  await until(begun, 'a run');
  const files: string[] = [];
  while (made.results.length === 0) {
    const file = join(place, `${files.length}.backup`);
    await backUp(made.folder, file, '0.0.0').then(
      () => files.push(file),
      (error) => assert.ok(error instanceof Refusal && /faster/.test(error.message), String(error)),
    );
  }
  const { adapter } = await made.result();
  await stop();
  return { place, made, files, adapter };
}

test('backups of a run that goes on are whole: each, restored, goes on to the adapter of the undisturbed run', async (t) => {
  const { place, made, files, adapter } = await runWithBackups(t);
  assert.ok(files.length >= 2, `${files.length} backups`);
  assert.equal((await stat(files[0]!)).mode & 0o777, 0o600);
  const places = [...new Set([0, Math.floor(files.length / 2), files.length - 1])];
  for (const [i, at] of places.entries()) {
    await rm(made.folder, { recursive: true });
    const { runs, open } = await restore(files[at]!, made.folder, Date.now());
    assert.equal(runs, 1);
    if (i === 0) assert.ok(open, 'it goes on'); // The last may have come when the run had ended.
    made.results.length = 0;
    const { stop } = await made.coordinator({ defaults });
    const summary = await made.result();
    await stop();
    assert.equal(summary.state, 'completed');
    assert.deepEqual(summary.adapter, adapter, `backup ${i} of ${files.length}`);
  }
  const left = await readdir(place);
  assert.deepEqual(
    left.filter((name) => !name.endsWith('.backup')),
    [],
    'nothing else is left',
  );
});

test('a folder that holds anything, or that a coordinator has, is not restored into, and stays as it is', async (t) => {
  const { place, made, files } = await runWithBackups(t);
  const before = await readdir(made.folder);
  await assert.rejects(restore(files[0]!, made.folder, 0), /holds .*: give an empty one/);
  assert.deepEqual(await readdir(made.folder), before);
  const live = join(place, 'live');
  await mkdir(live);
  const lock = await takeLock(join(live, 'lock'), () => '');
  await assert.rejects(restore(files[0]!, live, 0), /is in use by process \d+/);
  await lock.release();
  await restore(files[0]!, live, 0);
});

test('a damaged backup, a cut one and what is no backup are refused, and leave an empty folder', async (t) => {
  const { place, files } = await runWithBackups(t);
  const bytes = await readFile(files[0]!);
  const evil = join(place, 'evil');
  await mkdir(evil);
  await writeFile(join(evil, 'backup.json'), JSON.stringify({ format: 1, files: [] }));
  await writeFile(join(evil, 'extra'), 'x');
  await create({ cwd: evil, file: join(place, 'extra.tar'), gzip: true }, ['backup.json', 'extra']);
  await writeFile(join(evil, 'backup.json'), JSON.stringify({ format: 2, files: [] }));
  await create({ cwd: evil, file: join(place, 'later.tar'), gzip: true }, ['backup.json']);
  await create({ cwd: evil, file: join(place, 'outside.tar'), gzip: true, preservePaths: true }, [
    'backup.json',
    '../evil/extra',
  ]);
  const cases: [string, Uint8Array, RegExp][] = [
    ['flipped', bytes.map((byte, i) => (i === bytes.length >> 1 ? byte ^ 1 : byte)), /is damaged/],
    ['cut', bytes.subarray(0, bytes.length - 200), /is damaged/],
    ['text', Buffer.from('hello'), /is damaged, or no backup/],
    ['extra', await readFile(join(place, 'extra.tar')), /its list is not what it holds/],
    ['outside', await readFile(join(place, 'outside.tar')), /is damaged/],
    ['later', await readFile(join(place, 'later.tar')), /format 2, expected 1/],
  ];
  for (const [name, content, pattern] of cases) {
    const [file, runs] = [join(place, `${name}.bad`), join(place, `${name}-runs`)];
    await writeFile(file, content);
    await assert.rejects(
      restore(file, runs, 0),
      (error) => error instanceof Refusal && pattern.test(error.message),
      name,
    );
    assert.deepEqual(await readdir(runs), [], name);
  }
  await assert.rejects(restore(join(place, 'none'), join(place, 'r'), 0), /none can't be read \(ENOENT\)/);
});

test('a coordinator does not start where a restore was killed, and neither does another restore', async (t) => {
  const { made, files } = await runWithBackups(t);
  await rm(made.folder, { recursive: true });
  await mkdir(join(made.folder, '.restore'), { recursive: true });
  await assert.rejects(made.coordinator({}), /was not restored to its end: empty it, and restore again/);
  await assert.rejects(restore(files[0]!, made.folder, 0), /holds \.restore: give an empty one/);
  assert.deepEqual(await readdir(made.folder), ['.restore']);
});

test('what can’t be backed up is told', async (t) => {
  const place = await folderOf(t);
  const runs = join(place, 'runs');
  await assert.rejects(backUp(runs, join(place, 'b'), ''), /can't be read \(ENOENT\)/);
  await mkdir(join(runs, 'r1'), { recursive: true });
  await appendFile(join(runs, 'r1', 'journal.jsonl'), `${JSON.stringify(begin())}\n{"kind":"op`);
  await assert.rejects(backUp(runs, join(runs, 'b'), ''), /lies in what it is to hold/);
  await assert.rejects(backUp(runs, join(place, 'no', 'b'), ''), /can't write to .* \(ENOENT\)/);
  await backUp(runs, join(place, 'b'), '');
  await assert.rejects(backUp(runs, join(place, 'b'), ''), /is there already/);
  await restore(join(place, 'b'), join(place, 'again'), 7);
  const lines = (await readFile(join(place, 'again', 'r1', 'journal.jsonl'), 'utf8')).trim().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).kind),
    ['started', 'restored'],
    'the torn line is left out',
  );
});

test('a restored run tells its tasks with a later term', () => {
  const { term } = replay([begin(), { kind: 'restored', atMs: 1 }, { kind: 'restored', atMs: 2 }]);
  assert.equal(term, 2);
  assert.equal(replay([begin()]).term, 0);
});
