import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A file system of its own on a folder, ended after the test; undefined where this machine allows no mount. */
export function smallDisk(t: TestContext, folder: string, size: string) {
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    t.skip('this user may not mount a small file system');
    return undefined;
  }
  t.after(() => execFileSync('umount', ['-l', folder]));
  const ballast = join(folder, 'ballast');
  return {
    fill(leftBytes = 0) {
      const { bavail, bsize } = statfsSync(folder);
      writeFileSync(ballast, Buffer.alloc(bavail * bsize - leftBytes));
    },
    makeRoom: () => rmSync(ballast),
  };
}
