import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onnx } from '../../../device/engine/generated/onnx.js';
import { Graph } from '../../../device/engine/graph.js';
import { encodeModel } from '../../../device/engine/onnx.js';
import { trainingGraph } from '../../../device/engine/training-graph.js';
import { gradients } from '../../../device/engine/walk.js';
import { loraOf, readGolden } from './golden.js';

const golden = await readGolden('t5-v1.1');
const written = (graph: Graph) => onnx.ModelProto.decode(encodeModel(graph)).graph!;
const count = (graph: Graph, op: string) => written(graph).node!.filter(({ opType }) => opType === op).length;

test('nodes, constants and weights that no output needs are not written', () => {
  const g = new Graph();
  const x = g.input('x', [2, 3]);
  const where = { file: 'model.safetensors', offset: 8, bytes: 24 };
  g.mul(g.exp(x), g.weight('unused', [2, 3], 'float32', where));
  g.output('y', g.add(x, g.scalar(1)));
  const { node, initializer } = written(g);
  assert.deepEqual(
    node!.map(({ opType }) => opType),
    ['Add', 'Identity'],
  );
  assert.equal(initializer!.length, 1);
});

test('the gradient of a frozen matrix costs nothing', () => {
  const g = new Graph();
  const [x, a] = [g.input('x', ['B', 3]), g.input('a', [3, 3])];
  const w = g.weight('w', [3, 5], 'float32', { file: 'model.safetensors', offset: 0, bytes: 60 });
  const loss = g.reduceSum(g.matmul(g.matmul(x, a), w), [0, 1]);
  g.output('loss', loss);
  g.output('da', gradients(g, loss, [a])[0]!);
  // x a, (x a) w, dy w′ and x′ (dy w′), but no (x a)′ dy.
  assert.equal(count(g, 'FusedMatMul'), 4);
});

test('a LoRA step has the matrix products of its formula and no more', () => {
  const { config, weights } = golden;
  const graph = trainingGraph({ config, weights, lora: loraOf(golden, 'adapter') });
  // q, k, v, o and three of the feed-forward in an encoder block, four more in a decoder block, and the head.
  const linears = 2 * 7 + 2 * 11 + 1;
  const [adapted, attentions] = [2 * (2 + 4), 2 + 4];
  const forward = linears + 2 * adapted + 2 * attentions;
  // Backward, a frozen linear takes one product, an adapter four, an attention four: less what leads to nothing
  // trained in the first block of each stack: dx of q, k and v, of the adapters of q and v, and dk of the attention.
  const backward = linears - 2 * 3 + (4 * adapted - 2 * 2) + (4 * attentions - 2);
  // The head's two are in the loss's blocks.
  assert.equal(count(graph, 'FusedMatMul'), forward + backward - 2);
});

test('weights stay in their file, by name, offset and length in bytes', () => {
  const { config, weights } = golden;
  const { initializer } = written(trainingGraph({ config, weights }));
  const shared = initializer!.find(({ name }) => name === 'shared.weight')!;
  const { begin, end } = weights.get('shared.weight')!;
  assert.equal(shared.dataLocation, 1);
  assert.equal(shared.rawData!.length, 0);
  assert.deepEqual(
    shared.externalData!.map(({ key, value }) => [key, value]),
    [
      ['location', 'model.safetensors'],
      ['offset', String(begin)],
      ['length', String(end - begin)],
    ],
  );
});

test('one value may be two outputs', () => {
  const g = new Graph();
  const x = g.input('x', [2]);
  g.output('y', x);
  g.output('z', x);
  assert.deepEqual(
    written(g).output!.map(({ name }) => name),
    ['y', 'z'],
  );
});
