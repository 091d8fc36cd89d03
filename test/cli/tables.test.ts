import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestWord } from '../../cli/suggestion.js';
import { bytesText, fixed, secondsText, table, wrapped } from '../../cli/tables.js';

test('a table aligns words to the left and numbers to the right', () => {
  const columns = [
    { title: 'name', cell: ([name]: [string, number]) => name },
    { title: 'n', cell: ([, n]: [string, number]) => String(n), right: true },
  ];
  assert.equal(
    table(columns, [
      ['a', 5],
      ['longer', 123],
    ]),
    'name      n\n------  ---\na         5\nlonger  123',
  );
});

test('bytes and seconds are told in the unit that reads well', () => {
  assert.equal(bytesText(0), '0 B');
  assert.equal(bytesText(1023), '1023 B');
  assert.equal(bytesText(312.190682), '312 B');
  assert.equal(bytesText(1536), '1.5 KiB');
  assert.equal(bytesText(1024 ** 2), '1.0 MiB');
  assert.equal(bytesText(1024 ** 6), '1048576.0 TiB');
  assert.equal(secondsText(59.4), '59 s');
  assert.equal(secondsText(75), '1 min 15 s');
  assert.equal(secondsText(3660), '1 h 1 min');
});

test('what nobody measured is no number', () => {
  assert.equal(fixed(null, 2), '–');
  assert.equal(fixed(undefined, 2, 'no sensor'), 'no sensor');
  assert.equal(fixed(1.005, 1), '1.0');
});

test('text is broken at spaces and keeps its own lines', () => {
  assert.equal(wrapped('aa bb cc\ndd', '', 5), 'aa bb\ncc\ndd');
});

test('a mistyped command is guessed, a strange one is not', () => {
  const commands = ['broker', 'devices', 'rounds start', 'rounds stop'];
  assert.equal(nearestWord('brokr', commands), 'broker');
  assert.equal(nearestWord('device', commands), 'devices');
  assert.equal(nearestWord('rounds', commands), 'rounds start');
  assert.equal(nearestWord('xyzzy', commands), undefined);
});
