import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Architecture, pack, partsOf } from '../../supply/pack.js';
import { bytesIn, sizesOf } from '../../supply/size.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'fleetune-size-'));
after(() => rmSync(folder, { recursive: true }));

test('the size that is told is that of what is packed', () => {
  const arch = process.arch as Architecture;
  const out = join(folder, 'broker');
  const parts = pack({ root, service: 'broker', arch, out });
  const told = sizesOf(root, partsOf(root, 'broker'), arch);
  const all = () => true;
  assert.equal(told.packageBytes, bytesIn(join(out, 'node_modules'), all));
  assert.equal(told.moduleBytes, bytesIn(join(out, 'dist'), all));
  assert.equal(told.largest.length, parts.packages.length);
  assert.ok(told.largest[0]![1] >= told.largest[1]![1]);
});
