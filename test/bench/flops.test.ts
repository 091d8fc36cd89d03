import assert from 'node:assert/strict';
import { test } from 'node:test';
import { geometry } from '../../bench/engine-shape.js';
import { loraStepFlops } from '../../bench/flops.js';

test("a step's operations are twice the forward pass, as the formula's table has it, and the adapters' own", () => {
  const forward = loraStepFlops(geometry, 512, 95, 0) / 2;
  assert.equal((forward / 1e9).toFixed(1), '33.8');
  const base = { vocabulary: 32128, dModel: 768, inner: 768, dFf: 2048, layers: 12 };
  assert.equal((loraStepFlops(base, 512, 95, 0) / 2e9).toFixed(1), '136.8');
  // Six operations for each number of an adapter and each row that passes it.
  const rows = 8 * (3 * 512 + 3 * 95);
  assert.equal(loraStepFlops(geometry, 512, 95, 16) - 2 * forward, 6 * 16 * (512 + 384) * rows);
});
