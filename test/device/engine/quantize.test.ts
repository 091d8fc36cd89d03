import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blockScales, dequantize, fits, quantize, transposed } from '../../../device/engine/quantize.js';
import { random } from '../../../schemas/random.js';

const noise = (count: number, seed: string) => {
  const next = random(seed);
  return Float32Array.from({ length: count }, () => next() + next() + next() - 1.5);
};

test('8 bits: a tile’s largest is 127 steps, all else the nearest step', () => {
  const data = new Float32Array(32 * 32);
  data.set([-12.7, 0.04, 0.06, -0.26, 12.7]);
  const q = quantize(8, data, 32, 32);
  assert.equal(q.scales.length, 1);
  assert.equal(q.scales[0], Math.fround(Math.fround(12.7) / 127));
  assert.deepEqual([...q.packed.subarray(0, 6)], [1, 128, 129, 125, 255, 128]);
  assert.equal(dequantize(q)[4], Math.fround(127 * q.scales[0]!));
});

test('8 bits: no number is off by more than half a step of its tile', () => {
  const data = noise(64 * 96, 'tiles');
  data[33] = 40; // In the second tile: the others keep their fine steps.
  const q = quantize(8, data, 64, 96);
  const scales = blockScales(q);
  for (const [i, x] of dequantize(q).entries()) {
    assert(Math.abs(x - data[i]!) <= scales[Math.floor(i / 32)]! * 0.5001, `number ${i}`);
  }
  assert(scales[0]! < 0.012 && scales[1]! > 0.3 && scales[2]! < 0.012);
});

test('8 bits: the turned matrix stands for the very same numbers', () => {
  const [rows, columns] = [64, 96];
  const q = quantize(8, noise(rows * columns, 'turned'), rows, columns);
  const [numbers, turned] = [dequantize(q), dequantize(transposed(q))];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      assert.equal(turned[column * rows + row], numbers[row * columns + column]);
  }
});

test('4 bits: a block of sixteen even steps is held as it is, two numbers a byte', () => {
  const data = Float32Array.from({ length: 64 }, (_, i) => (i < 32 ? (i % 16) * 0.5 - 3 : (i % 16) * 2));
  const q = quantize(4, data, 1, 64);
  assert.deepEqual([...q.scales], [0.5, 2]);
  assert.deepEqual([...q.zeros!], [6]); // 6 steps below 0 in the first block, none in the second
  assert.deepEqual([...q.packed.subarray(0, 3)], [0x10, 0x32, 0x54]);
  assert.deepEqual(dequantize(q), data);
});

test('4 bits: a range is drawn in where that costs its ends less than it gives the others', () => {
  const data = Float32Array.from({ length: 64 }, (_, i) => (i === 31 ? 15 : (i % 15) * 0.94));
  const q = quantize(4, data, 1, 64);
  assert.equal(q.scales[0], Math.fround(0.94)); // With 1 the 15 were exact, and all else off by up to half a step.
  assert(Math.abs(dequantize(q)[31]! - 14.1) < 1e-5 && Math.abs(dequantize(q)[29]! - 13.16) < 1e-5);
});

test('blocks of zeros stay zeros', () => {
  for (const bits of [8, 4] as const) {
    const found = dequantize(quantize(bits, new Float32Array(32 * 64), 32, 64));
    assert(found.every((x) => x === 0));
  }
});

test('what is no whole number of blocks does not fit', () => {
  assert(fits(8, [32, 96]) && !fits(8, [48, 32]) && !fits(8, [32, 16]));
  assert(fits(4, [7, 64]) && !fits(4, [7, 96]));
  assert.throws(() => transposed(quantize(4, new Float32Array(64), 1, 64)), /no blocks of a column/);
});
