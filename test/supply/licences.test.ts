import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isAllowed, productionLicences } from '../../supply/licences.js';
import { nameOf, readLock } from '../../supply/lock.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const lock = readLock(root);

test('every production package has a licence that is allowed', () => {
  const all = productionLicences(lock);
  assert.ok(all.length > 20);
  const not = all.filter(({ licence }) => !isAllowed(licence));
  assert.deepEqual(not, [], 'say no to the package, or argue for its licence in supply/licences.ts');
});

test('of licences to choose from one must be allowed, of licences that all hold each', () => {
  assert.equal(isAllowed('(MIT OR CC0-1.0)'), true);
  assert.equal(isAllowed('GPL-3.0 OR AGPL-3.0'), false);
  assert.equal(isAllowed('MIT AND GPL-3.0'), false);
  assert.equal(isAllowed('MIT AND ISC'), true);
  assert.equal(isAllowed(''), false);
});

test('a package that has an install script is one that package.json says not to run it', () => {
  const { allowScripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    allowScripts: Record<string, boolean>;
  };
  const scripted = Object.entries(lock).filter(([, { hasInstallScript }]) => hasInstallScript);
  const names = scripted.map(([folder]) => nameOf(folder));
  assert.deepEqual(
    names.filter((name) => allowScripts[name] !== false),
    [],
  );
});
