import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { aliveCheck } from '../../coordinator/alive.js';
import { Fleet, until } from './fleet.js';
import type { Script } from './scripted-device.js';

const one: Script = { id: 'a', step: 1, examples: 1 };

/** Puts the runs folder on a file system of 256 KiB; says why where this machine allows no mount. */
function mountSmall(t: TestContext, folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    t.skip('this user may not mount a small file system');
    return false;
  }
  return true;
}

test('a run on a full disk waits, and ends when there is room again', async (t) => {
  const made = await Fleet.start(t);
  if (!mountSmall(t, made.folder)) return;
  made.atEnd(() => void execFileSync('umount', ['-l', made.folder]));
  const ballast = join(made.folder, 'ballast');
  let filled = false;
  await made.device({
    ...one,
    change: (update, task) => {
      if (task.key.kind !== 'train' || filled) return update;
      filled = true;
      return null; // The task is told again when the disk is full.
    },
  });
  const { coordinator } = await made.coordinator({ resendMs: 50 });
  await made.trigger({ rounds: 1 });
  await until(() => filled, 'training');
  const { bavail, bsize } = await statfs(made.folder);
  await writeFile(ballast, Buffer.alloc(bavail * bsize));
  await until(() => made.problems.some((p) => /ENOSPC/.test(p)), 'the disk is full');
  assert.equal(made.results.length, 0);
  await until(() => coordinator.trouble !== '', 'it is told to who asks how it is');
  const { ok, detail } = await aliveCheck(made.folder, Date.now(), coordinator.trouble);
  assert.equal(ok, false);
  assert.match(detail, /the run waits for it: .*ENOSPC/);
  await rm(ballast);
  const summary = await made.result();
  assert.equal(summary.state, 'completed');
  assert.equal(summary.adapter?.version, 1);
});
