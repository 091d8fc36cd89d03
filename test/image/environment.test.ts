import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { environmentText } from '../../image/environment.js';

test('variables come back as they were, whatever stands in them', () => {
  const variables = { ONE: 'plain', TWO: `a "b" $HOME \`date\` \\n ' #`, THREE: '', FOUR: 'ä = ö' };
  const text = environmentText(variables); // A shell reads it as systemd does.
  const read = execFileSync('sh', ['-c', 'set -a; eval "$1"; exec env', 'sh', text], { encoding: 'utf8' });
  for (const [name, value] of Object.entries(variables)) assert.ok(read.includes(`${name}=${value}\n`), name);
});

test('a value of several lines is refused by its name', () => {
  assert.throws(() => environmentText({ NAME: 'a\nOTHER=b' }), /NAME: a value of one line is expected/);
});
