import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OpenRun } from '../../coordinator/open-run.js';
import { VersionMaking } from '../../coordinator/version-making.js';

const run = {} as OpenRun;
const step = { do: 'make' as const, stage: { kind: 'train' as const, round: 1 }, contributors: ['a'] };
const failing = (code: string) => async () => {
  throw Object.assign(new Error(code), { code, syscall: 'write' });
};

/** What it comes to, each time that it is asked once more: an outcome, or what is thrown. */
async function answers(make: () => Promise<never>, times: number): Promise<string[]> {
  const told: string[] = [];
  const making = new VersionMaking(() => undefined, make);
  while (told.length < times) {
    try {
      if (making.outcome(run, step)) told.push('given up');
    } catch (error) {
      told.push(`again: ${(error as Error).message}`);
    }
    await making.idle();
  }
  return told;
}

test('a version is made as soon as there is room, however late that is', async () => {
  assert.deepEqual(await answers(failing('ENOSPC'), 5), Array(5).fill('again: ENOSPC'));
});

test('a disk that fails otherwise is tried three times', async () => {
  assert.deepEqual(await answers(failing('EIO'), 3), ['again: EIO', 'again: EIO', 'given up']);
});
