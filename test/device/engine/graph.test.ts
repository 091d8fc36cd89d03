import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Graph } from '../../../device/engine/graph.js';
import { broadcast } from '../../../device/engine/shapes.js';

test('a product of matrices that do not fit is our mistake, found when the graph is built', () => {
  const g = new Graph();
  const [a, b] = [g.input('a', ['B', 3, 4]), g.input('b', [5, 4])];
  assert.throws(() => g.matmul(a, b), /matmul of \[B,3,4\] and \[5,4\]/);
  assert.deepEqual(g.matmul(a, b, { transB: 1 }).shape, ['B', 3, 5]);
});

test('shapes side by side follow ONNX: a name meets itself or 1', () => {
  assert.deepEqual(broadcast(['B', 1, 4], ['S', 1]), ['B', 'S', 4]);
  assert.deepEqual(broadcast([], ['B', 2]), ['B', 2]);
  assert.throws(() => broadcast(['B', 4], ['B', 3]), /don't fit/);
  assert.throws(() => broadcast(['B'], ['S']), /\[B\] and \[S\] don't fit/);
});

test('a size known by name stays at its place in a reshape', () => {
  const g = new Graph();
  const x = g.input('x', ['B', 'S', 6]);
  assert.deepEqual(g.reshape(x, ['B', 'S', 2, 3]).shape, ['B', 'S', 2, 3]);
  assert.deepEqual(g.flatten(x).shape, ['B*S', 6]);
  assert.throws(() => g.reshape(x, ['S', 'B', 6]), /reshape of B,S,6 to S,B,6/);
});

test('equal constants are one, whatever asked for them', () => {
  const g = new Graph();
  assert.equal(g.scalar(2), g.floats([2]));
  assert.notEqual(g.scalar(2), g.floats([2], [1]));
  assert.notEqual(g.integers([2]), g.floats([2], [1]));
  assert.equal(g.constants.length, 3);
});

test('a composite is one step of the tape and several nodes of the graph', () => {
  const g = new Graph();
  const x = g.input('x', [2]);
  const y = g.composite('Twice', [x], () => [g.add(x, g.mul(x, g.scalar(1)))]);
  assert.deepEqual(
    g.tape.map(({ op, inputs, outputs }) => [op, inputs[0], outputs[0]]),
    [['Twice', x, y]],
  );
  assert.equal(g.nodes.length, 2);
});
