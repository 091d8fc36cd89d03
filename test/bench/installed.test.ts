import assert from 'node:assert/strict';
import { test } from 'node:test';
import { installed, totalMb } from '../../bench/installed.js';

test('what a board holds is Node, production packages of one platform, and the program', async () => {
  const found = await installed();
  assert.ok(found.runtime > 1e6);
  assert.ok(found.packages['onnxruntime-node']! > 1e6 && found.packages['onnxruntime-node']! < 150e6);
  assert.ok(found.packages.fleetune! > 1e5);
  assert.equal(found.packages.typescript, undefined);
  assert.ok(totalMb(found) > found.runtime / 1e6);
});
