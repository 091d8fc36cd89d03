import assert from 'node:assert/strict';
import { test } from 'node:test';
import { presets, runSettings } from '../../schemas/run-settings.js';
import { checkSettings, requireSettings, type SettingTable } from '../../schemas/settings.js';

const table = {
  port: { kind: 'integer', default: 1883, min: 0, max: 65535, help: '' },
  share: { kind: 'number', default: 0.5, min: -1, max: 1, help: '' },
  name: { kind: 'text', default: 'a', help: '', pattern: /^[a-z]*$/, expected: 'small letters' },
  mode: { kind: 'choice', default: 'fast', choices: ['fast', 'slow'] as const, help: '' },
  targets: { kind: 'list', default: ['q'], help: '' },
  open: { kind: 'flag', default: false, help: '' },
} satisfies SettingTable;
const problemOf = (key: string, value: unknown) => checkSettings(table, { [key]: value }).problems;

test('absent keys take their defaults', () => {
  const { settings, problems } = checkSettings(table, { port: null });
  assert.deepEqual(problems, []);
  assert.deepEqual(settings, {
    port: 1883,
    share: 0.5,
    name: 'a',
    mode: 'fast',
    targets: ['q'],
    open: false,
  });
  assert.ok(Object.isFrozen(settings));
});

test('values may be given as text, as flags and the environment have them', () => {
  const raw = { port: '0', share: '-1', name: 7, mode: 'slow', targets: 'q, v', open: 'true' };
  const { settings, problems } = checkSettings(
    { ...table, name: { kind: 'text', default: '', help: '' } },
    raw,
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(settings, {
    port: 0,
    share: -1,
    name: '7',
    mode: 'slow',
    targets: ['q', 'v'],
    open: true,
  });
});

test('a value at the edge of its range is taken, one past it is not', () => {
  for (const [key, value] of [
    ['port', 65535],
    ['port', 0],
    ['share', 1],
    ['share', -1],
  ] as const)
    assert.deepEqual(problemOf(key, value), []);
  for (const [key, value] of [
    ['port', 65536],
    ['port', -1],
    ['share', 1.001],
  ] as const)
    assert.equal(problemOf(key, value).length, 1);
});

test('what is no value of its kind is refused with what was expected', () => {
  for (const value of ['', ' ', '1.5', 1.5, '0x', 'NaN', Number.NaN, true, [], {}])
    assert.match(problemOf('port', value)[0] ?? '', /^port: .* is not a whole number from 0 to 65535$/);
  for (const value of ['Infinity', Number.POSITIVE_INFINITY, 'x'])
    assert.match(problemOf('share', value)[0] ?? '', /is not a number from -1 to 1$/);
  assert.deepEqual(problemOf('name', 'ABC'), ['name: "ABC" is not small letters']);
  assert.deepEqual(problemOf('mode', 'slower'), ['mode: "slower" is not one of fast, slow']);
  assert.deepEqual(problemOf('open', 'yes'), ['open: "yes" is not true or false']);
  for (const value of ['q,,v', [''], [1], 5, {}])
    assert.match(problemOf('targets', value)[0] ?? '', /list of words/);
});

test('an unknown key is a problem, with the near one', () => {
  assert.deepEqual(problemOf('Port', 1), ['Port: no such setting (did you mean port?)']);
  assert.deepEqual(problemOf('toString', 1), ['toString: no such setting']);
  assert.deepEqual(problemOf('', 1), [': no such setting']);
});

test('all problems are told at once, in one refusal, after their source', () => {
  assert.throws(() => requireSettings(table, { port: -1, mode: 'x', prot: 1 }, 'a.yaml'), {
    name: 'Refusal',
    message: /^a\.yaml: prot: no such setting; port: -1 .*; mode: "x" /,
  });
});

test('every preset and every default of a run is a right value', () => {
  for (const preset of Object.values(presets))
    assert.deepEqual(checkSettings(runSettings, preset).problems, []);
  const defaults = Object.fromEntries(Object.entries(runSettings).map(([key, { default: d }]) => [key, d]));
  assert.deepEqual(checkSettings(runSettings, defaults).problems, []);
});
