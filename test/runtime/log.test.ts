import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog, told } from '../../runtime/log.js';

test('a log line is one JSON object, whatever its facts hold', () => {
  const lines: string[] = [];
  createLog('broker', (line) => lines.push(line)).warn('odd', { text: 'two\nlines', none: undefined });
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /^[^\n]*\n$/);
  const { time, ...rest } = JSON.parse(lines[0]!);
  assert.ok(Date.parse(time) > 0);
  assert.deepEqual(rest, { level: 'warn', service: 'broker', message: 'odd', text: 'two\nlines' });
});

test('an error is told with its causes', () => {
  const cause = new Error('disk full');
  assert.equal(told(new Error('no receipt', { cause })), 'no receipt: disk full');
  assert.equal(told('plain'), 'plain');
});
