import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Ending, explained, readOomKills, speaksOfMemory } from '../../device/trainer-ending.js';

const killed: Ending = { code: null, signal: 'SIGKILL', lastWords: '', oomKillsBefore: 3, oomKillsAfter: 3 };

test('a kill is of memory where the kernel has counted one, and likely so where it counts none at all', () => {
  assert.equal(explained({ ...killed, oomKillsAfter: 4 }).outOfMemory, true);
  assert.equal(explained(killed).outOfMemory, false);
  assert.match(explained(killed).reason, /not by the kernel/);
  const unknown = explained({ ...killed, oomKillsBefore: undefined });
  assert.equal(unknown.outOfMemory, true);
  assert.match(unknown.reason, /most likely/);
});

test('an abort is of memory where the process says so, another end is not, whatever the kernel counts', () => {
  const aborted: Ending = { ...killed, signal: 'SIGABRT', oomKillsAfter: 9 };
  assert.equal(explained(aborted).outOfMemory, false);
  assert.equal(explained({ ...aborted, lastWords: "instance of 'std::bad_alloc'" }).outOfMemory, true);
  assert.match(explained({ ...aborted, signal: null, code: 3 }).reason, /exit code 3/);
});

test('the words of those that get no memory are known', () => {
  for (const words of [
    'bfc_arena.cc:358 Failed to allocate memory for requested buffer of size 8388608',
    'std::bad_alloc',
    'Array buffer allocation failed',
    'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory',
    'Available memory of 1000 is smaller than requested bytes of 2000',
  ])
    assert(speaksOfMemory(words), words);
  for (const words of ['the adapter has no memory', 'allocation of devices', 'Invalid rank for input'])
    assert(!speaksOfMemory(words), words);
});

test('the kernel’s count is read where there is one', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'fleetune-vmstat-'));
  t.after(() => rm(root, { recursive: true }));
  assert.equal(readOomKills(root), undefined);
  await mkdir(join(root, 'proc'));
  await writeFile(join(root, 'proc/vmstat'), 'nr_free_pages 12\noom_kill 7\n');
  assert.equal(readOomKills(root), 7);
  await writeFile(join(root, 'proc/vmstat'), 'nr_free_pages 12\n');
  assert.equal(readOomKills(root), undefined);
});
