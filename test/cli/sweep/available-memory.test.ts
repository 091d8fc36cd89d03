import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { availableBytes } from '../../../cli/sweep/available-memory.js';

/** A root folder of those files, for as long as the work takes. */
async function withRoot(files: Record<string, string>, work: (root: string) => void): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'fleetune-root-'));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  try {
    work(root);
  } finally {
    await rm(root, { recursive: true });
  }
}

const meminfo = 'MemTotal:       2000 kB\nMemAvailable:    1000 kB\n';

test('without a control group it is what the kernel calls available', () =>
  withRoot({ 'proc/meminfo': meminfo }, (root) => assert.equal(availableBytes(root), 1000 * 1024)));

test('the tightest control group above the process counts, less what it uses, with its idle files', () =>
  withRoot(
    {
      'proc/meminfo': meminfo,
      'proc/self/cgroup': '0::/a/b\n',
      'sys/fs/cgroup/a/b/memory.max': 'max\n',
      'sys/fs/cgroup/a/b/memory.current': '5\n',
      'sys/fs/cgroup/a/memory.max': '500000\n',
      'sys/fs/cgroup/a/memory.current': '200000\n',
      'sys/fs/cgroup/a/memory.stat': 'anon 1\ninactive_file 10000\n',
    },
    (root) => assert.equal(availableBytes(root), 310_000),
  ));

test('the memory controller of the first version is read too', () =>
  withRoot(
    {
      'proc/meminfo': meminfo,
      'proc/self/cgroup': '5:cpu:/x\n4:memory:/box\n',
      'sys/fs/cgroup/memory/box/memory.limit_in_bytes': '600000\n',
      'sys/fs/cgroup/memory/box/memory.usage_in_bytes': '100000\n',
    },
    (root) => assert.equal(availableBytes(root), 500_000),
  ));
