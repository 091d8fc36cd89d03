import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const run = (bench: string, flag: string) =>
  spawnSync(process.execPath, [fileURLToPath(new URL(`../../bench/${bench}.js`, import.meta.url)), flag], {
    encoding: 'utf8',
  });

test('a benchmark answers a flag that it has not, and --help, with those that it has', () => {
  for (const bench of ['attacks', 'engine', 'peers', 'profile', 'quantized']) {
    const wrong = run(bench, '--row');
    assert.equal(wrong.status, 1, bench);
    assert.match(wrong.stderr, /^Unknown option '--row'.*\nflags, .*:\n {2}--\w+ /, bench);
    assert.equal(run(bench, '--help').status, 0, bench);
  }
  assert.match(run('peers', '--help').stderr, /^flags, .*:\n {2}--venv \n {2}--rows small,/);
});
