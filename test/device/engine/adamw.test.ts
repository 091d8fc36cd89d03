import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adamW, clip, norm, scheduleFactor } from '../../../device/engine/adamw.js';
import type { NamedTensors } from '../../../schemas/tensors.js';

const tensors = (...numbers: number[][]): NamedTensors =>
  new Map(numbers.map((data, i) => [String(i), { shape: [data.length], data: Float32Array.from(data) }]));

test('the first step moves each number by the learning rate against its gradient, and decays it apart', () => {
  const parameters = tensors([1, -2], [4]);
  adamW(parameters, { weightDecay: 0.1 }).step(tensors([0.5, -3], [0]), 0.01);
  const found = [...parameters.values()].flatMap(({ data }) => [...data]);
  const expected = [1 * 0.999 - 0.01, -2 * 0.999 + 0.01, 4 * 0.999];
  for (const [i, x] of found.entries()) assert(Math.abs(x - expected[i]!) < 1e-6, `${x}, ${expected[i]}`);
});

test('a norm is taken over all tensors, and cut to the limit only where it is above it', () => {
  const gradients = tensors([3, 0], [-4]);
  assert.equal(clip(gradients, 0), 5);
  assert.equal(clip(gradients, 6), 5);
  assert.equal(norm(gradients), 5);
  assert.equal(clip(gradients, 1), 5);
  assert(Math.abs(norm(gradients) - 1) < 1e-6);
});

test('a learning rate warms up from 0, then stays or falls to 0', () => {
  const factors = (schedule: 'constant' | 'linear') =>
    [0, 1, 2, 3, 4].map((step) => scheduleFactor(schedule, step, 4, 2));
  assert.deepEqual(factors('constant'), [0, 0.5, 1, 1, 1]);
  assert.deepEqual(factors('linear'), [0, 0.5, 1, 0.5, 0]);
  assert.equal(scheduleFactor('linear', 0, 1, 0), 1);
});
