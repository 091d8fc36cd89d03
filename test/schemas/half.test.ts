import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBfloat16, fromHalf, toBfloat16, toHalf } from '../../schemas/half.js';

test('every half and every bfloat16 comes back as it was', () => {
  for (let bits = 0; bits < 2 ** 16; bits++) {
    if (!Number.isNaN(fromHalf(bits))) assert.equal(toHalf(fromHalf(bits)), bits);
    if (!Number.isNaN(fromBfloat16(bits))) assert.equal(toBfloat16(fromBfloat16(bits)), bits);
  }
  assert.ok(Number.isNaN(fromHalf(toHalf(Number.NaN))));
  assert.ok(Number.isNaN(fromBfloat16(toBfloat16(Number.NaN))));
});

test('a bfloat16 is the nearest one, ties to even', () => {
  const ulp = 2 ** -7;
  assert.equal(fromBfloat16(toBfloat16(1 + ulp / 2)), 1);
  assert.equal(fromBfloat16(toBfloat16(1 + 1.5 * ulp)), 1 + 2 * ulp);
  assert.equal(fromBfloat16(toBfloat16(1 + 0.51 * ulp)), 1 + ulp);
  assert.equal(fromBfloat16(toBfloat16(-3.4e38)), -Infinity);
});
