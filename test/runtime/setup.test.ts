import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

test('a Node that is too old is told so before anything is installed or built', () => {
  const older = 'data:text/javascript,Object.defineProperty(process, "version", { value: "v18.20.8" })';
  const argv = ['--import', older, 'runtime/setup.mjs'];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  assert.deepEqual({ status, stdout }, { status: 1, stdout: '' });
  assert.equal(stderr, 'fleetune: this is Node v18.20.8: 20 or later is needed\n');
});
