import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { billOf, wholeBill } from '../../supply/bill.js';
import { nameOf, readLock } from '../../supply/lock.js';
import { partsOf } from '../../supply/pack.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

test('a bill of materials names what is packed, its licences, and the Node that runs it', () => {
  const whole = wholeBill(root);
  const { packages } = partsOf(root, 'broker');
  const bill = billOf(whole, readLock(root), 'broker', packages, 'v24.21.0');
  assert.equal(bill.bomFormat, 'CycloneDX');
  assert.equal(bill.metadata.component.name, 'fleetune-broker');
  const names = new Set([...packages.map(nameOf), 'node']);
  assert.deepEqual(new Set(bill.components.map(({ name }) => name)), names);
  assert.ok(whole.components.length > bill.components.length);
  for (const { name, licenses, purl } of bill.components) {
    assert.match(String(purl), /^pkg:(npm|generic)\//);
    if (name !== 'node') assert.ok(Array.isArray(licenses) && licenses.length > 0, name);
  }
  assert.equal(bill.components.at(-1)!.purl, 'pkg:generic/node@24.21.0');
  const refs = new Set(bill.components.map((part) => part['bom-ref']));
  const dangling = bill.dependencies
    .flatMap(({ dependsOn = [] }) => dependsOn)
    .filter((ref) => !refs.has(ref));
  assert.deepEqual(dangling, []);
});

test('a reader that has seen enough of it is no error', async () => {
  const child = spawn(process.execPath, ['dist/supply/main.js', 'bill'], { cwd: root });
  child.stdout.destroy();
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
  assert.deepEqual([said, code], ['', 0]);
});
