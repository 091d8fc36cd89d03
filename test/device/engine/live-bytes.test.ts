import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Graph } from '../../../device/engine/graph.js';
import { bytesOf, peakLiveBytes } from '../../../device/engine/live-bytes.js';

test('a value is live from its making to its last use', () => {
  const g = new Graph();
  const x = g.input('x', ['B', 10]);
  const w = g.input('w', [10, 20]);
  const y = g.matmul(x, w); // 20 B numbers
  const z = g.matmul(y, w, { transB: 1 }); // 10 B: y and z at a time
  const last = g.matmul(z, w); // 20 B: z and last, no y
  g.output('last', last);
  assert.equal(peakLiveBytes(g, { B: 3 }), 4 * 3 * 30);
  g.output('y', y); // An output is live to the end.
  assert.equal(peakLiveBytes(g, { B: 3 }), 4 * 3 * 50);
});

test('views take nothing, and element-wise operations write over what nobody needs any more', () => {
  const g = new Graph();
  const x = g.input('x', ['B', 8]);
  const w = g.input('w', [8, 8]);
  const y = g.matmul(x, w);
  const seen = g.reshape(y, [-1], 'B*8');
  g.output('z', g.exp(g.reshape(g.exp(seen), [-1], 'B*8')));
  assert.equal(peakLiveBytes(g, { B: 2 }), 4 * 2 * 8);
  const kept = new Graph();
  const a = kept.matmul(kept.input('x', ['B', 8]), kept.input('w', [8, 8]));
  const b = kept.exp(a);
  kept.output('z', kept.add(a, b)); // a is needed after exp, so b has bytes of its own.
  assert.equal(peakLiveBytes(kept, { B: 2 }), 2 * 4 * 2 * 8);
});

test('a weight that is widened is no value of a run', () => {
  const g = new Graph();
  const w = g.weight('w', [8, 8], 'bfloat16', { file: 'f', offset: 0, bytes: 128 });
  g.output('y', g.matmul(g.input('x', ['B', 8]), w));
  assert.equal(peakLiveBytes(g, { B: 2 }), 4 * 2 * 8);
});

test('sizes are products of names and numbers; an unknown one is our own mistake', () => {
  assert.equal(bytesOf({ type: 'int64', shape: ['B*T', 3] }, { B: 2, T: 5 }), 8 * 30);
  assert.throws(() => bytesOf({ type: 'float32', shape: ['past'] }, {}), /no number for the size past/);
});
