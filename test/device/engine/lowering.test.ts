import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Graph } from '../../../device/engine/graph.js';
import { lowered, loweredOps } from '../../../device/engine/lowering.js';
import { opsThatRun } from '../../../device/engine/provider.js';
import { relativeError } from '../../../device/engine/provider-check.js';
import { smallSteps } from '../../../device/engine/provider-step.js';
import { openSession } from '../../../device/engine/session.js';
import { trainingGraph } from '../../../device/engine/training-graph.js';
import { readGolden, versions } from './golden.js';

const settings = { folder: '.', threads: 2, spinning: false };
const models = [
  { gated: true, tied: false },
  { gated: false, tied: true },
];

test('the CPU gets the graph as it is described', () => {
  for (const { graph } of smallSteps(models[0]!)) assert.equal(lowered(graph, 'cpu'), graph);
});

for (const model of models) {
  test(`a step lowered for WebGPU is the same step: ${JSON.stringify(model)}`, async () => {
    for (const { graph, feeds } of smallSteps(model)) {
      const theirs = lowered(graph, 'webgpu');
      assert.deepEqual(theirs.outputs, graph.outputs);
      const [one, other] = [await openSession(graph, settings), await openSession(theirs, settings)];
      const [expected, found] = [await one.run(feeds), await other.run(feeds)];
      for (const name of Object.keys(expected)) {
        const error = relativeError(found[name], expected[name]);
        assert(error <= 1e-4, `${name}: relative error ${error}`);
      }
      await one.release();
      await other.release();
    }
  });
}

test('no operation that WebGPU lacks or does wrong is left to it', () => {
  for (const model of models) {
    const ops = smallSteps(model).flatMap(({ graph }) => opsThatRun(lowered(graph, 'webgpu')));
    // It stays for its first output, which is right.
    const left = loweredOps('webgpu').filter((op) => op !== 'SimplifiedLayerNormalization');
    assert.deepEqual(
      ops.filter((op) => left.includes(op)),
      [],
    );
  }
});

test('every operation that training can ask of a provider is in the step it is checked with', async () => {
  for (const provider of ['webgpu', 'cuda'] as const) {
    for (const version of versions) {
      const { config, weights } = await readGolden(version);
      const checked = smallSteps(config).flatMap(({ graph }) => opsThatRun(lowered(graph, provider)));
      const lora = { rank: 2, alpha: 3, targets: ['q', 'v', 'wo'], dropout: 0.1 };
      const dropout = { model: 0.1, adapter: 0.1 };
      for (const blueprint of [
        { lora },
        { lora, dropout },
        { lora, recompute: true },
        { open: true },
        { open: true, dropout, recompute: true },
      ]) {
        const graph = lowered(trainingGraph({ config, weights, ...blueprint }), provider);
        const unseen = opsThatRun(graph).filter((op) => !checked.includes(op));
        assert.deepEqual(unseen, [], `${provider}, ${version}, ${Object.keys(blueprint)}`);
      }
    }
  }
});

test('products: a transposed weight goes to Gemm, matrices in batches to MatMul, alpha to the smaller side', async () => {
  const g = new Graph();
  const x = g.input('x', ['B', 'S', 3]);
  const weight = g.input('weight', [5, 3]);
  const left = g.input('left', ['B', 4, 'S']);
  g.output('rows', g.matmul(x, weight, { transB: 1, alpha: 0.5 }));
  g.output('batch', g.matmul(left, x, { alpha: 2 }));
  g.output('turned', g.matmul(x, left, { transA: 1, transB: 1, alpha: 3 }));
  const theirs = lowered(g, 'webgpu');
  assert(!opsThatRun(theirs).includes('FusedMatMul'));
  const numbers = (...shape: number[]) => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i + 1));
    return { shape, data };
  };
  const feeds = { x: numbers(2, 7, 3), weight: numbers(5, 3), left: numbers(2, 4, 7) };
  const run = async (graph: typeof theirs) => (await openSession(graph, settings)).run(feeds);
  const [expected, found] = [await run(g), await run(theirs)];
  for (const name of ['rows', 'batch', 'turned']) {
    assert.deepEqual(found[name]!.shape, expected[name]!.shape);
    assert(relativeError(found[name], expected[name]) < 1e-6, name);
  }
});
