import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closureOf, type Lock, nameOf } from '../../supply/lock.js';

const version = '1.0.0';
const lock: Lock = {
  '': { version },
  'node_modules/app': {
    version,
    dependencies: { shared: '1', '@types/app': '1' },
    optionalDependencies: { fast: '1' },
  },
  'node_modules/app/node_modules/shared': { version, dependencies: { deep: '1' } },
  'node_modules/shared': { version: '2.0.0' },
  'node_modules/deep': { version, dependencies: { shared: '2' } },
  'node_modules/fast': { version },
  'node_modules/@types/app': { version },
  'node_modules/onnxruntime-node': { version, dependencies: { 'adm-zip': '1', common: '1' } },
  'node_modules/adm-zip': { version },
  'node_modules/common': { version },
};
const all = () => true;

test('a package brings what it needs, from the nearest folder that has it, and no types', () => {
  assert.deepEqual(closureOf(lock, ['app'], all), [
    'node_modules/app',
    'node_modules/app/node_modules/shared',
    'node_modules/deep',
    'node_modules/fast',
    'node_modules/shared',
  ]);
});

test('an optional package that is not installed is left out', () => {
  const found = closureOf(lock, ['app'], (folder) => folder !== 'node_modules/fast');
  assert.equal(found.includes('node_modules/fast'), false);
});

test('what only an install script loads is left out', () => {
  assert.deepEqual(closureOf(lock, ['onnxruntime-node'], all), [
    'node_modules/common',
    'node_modules/onnxruntime-node',
  ]);
});

test('a package that the lock file lacks is our own mistake', () => {
  assert.throws(() => closureOf(lock, ['left-pad'], all), /left-pad, which this project imports/);
});

test('a package is called by the last part of its folder', () => {
  assert.equal(nameOf('node_modules/a/node_modules/@types/node'), '@types/node');
});
