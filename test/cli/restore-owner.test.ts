import assert from 'node:assert/strict';
import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { backUp } from '../../coordinator/backup.js';
import { begin } from '../coordinator/entries.js';
import { fleetune } from './command.js';

const service = 4242;
const skip = process.getuid?.() !== 0 && 'only root may give files away';

test('root restores as the user whose the folder is', { skip }, async (t) => {
  const place = await mkdtemp(join(tmpdir(), 'fleetune-restore-'));
  t.after(() => rm(place, { recursive: true }));
  await chmod(place, 0o755);
  const [runs, own, file] = [join(place, 'runs'), join(place, 'own'), join(place, 'a.backup')];
  await mkdir(join(runs, 'run-1'), { recursive: true });
  await writeFile(join(runs, 'run-1', 'journal.jsonl'), `${JSON.stringify(begin())}\n`);
  await backUp(runs, file, '0.0.0');
  await mkdir(own);
  await chown(own, service, service);
  const argv = ['restore', file, '--runs', join(own, 'runs')];
  const refused = await fleetune(argv);
  assert.match(refused.err, /a\.backup can't be read \(EACCES\) by the user whose the runs folder is/);
  await chmod(file, 0o644);
  const { code, err } = await fleetune(argv);
  assert.equal(code, 0, err);
  const paths = await readdir(own, { recursive: true });
  assert.ok(paths.includes('runs/run-1/journal.jsonl'));
  for (const path of paths) {
    const { uid, gid } = await stat(join(own, path));
    assert.deepEqual([uid, gid], [service, service], path);
  }
});
