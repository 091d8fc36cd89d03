import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { T5Config } from '../../../device/engine/config.js';
import { frozenProduct } from '../../../device/engine/frozen.js';
import { attend, gatedGelu, ruleNames } from '../../../device/engine/gradients.js';
import { type Dim, Graph, type Shape, type Value } from '../../../device/engine/graph.js';
import { frozenHeadLoss } from '../../../device/engine/loss.js';
import { quantize } from '../../../device/engine/quantize.js';
import { type Feeds, openSession, type Session } from '../../../device/engine/session.js';
import { gradients } from '../../../device/engine/walk.js';
import { random } from '../../../schemas/random.js';
import { relativeError } from './golden.js';

/** A small function of its inputs, which holds the rule's operation at least once. */
interface Case {
  rule: string;
  when: string;
  inputs: readonly Shape[];
  build(g: Graph, x: Value, y: Value, z?: Value, u?: Value): Value;
}

const sizes: Record<string, number> = { B: 2, S: 3, 'B*S': 6 };
const rows: Shape = ['B', 'S', 4];
const one = (
  rule: string,
  build: (g: Graph, x: Value) => Value,
  shape: Shape = rows,
  when = 'alone',
): Case => ({
  rule,
  when,
  inputs: [shape],
  build,
});

/** An element-wise operation on like shapes, on shapes that are repeated to fit, and on a value with itself. */
const elementwise = (rule: string, op: 'add' | 'sub' | 'mul'): Case[] => [
  ...(
    [
      ['of like shapes', rows, rows],
      ['with a row under a batch', rows, [4]],
      ['with a row over a batch', [4], rows],
      ['with one number', rows, []],
      ['with both sides repeated', ['B', 1, 4], ['S', 1]],
      ['with a middle axis repeated', [1, 3, 4], [2, 1, 4]],
    ] as [string, Shape, Shape][]
  ).map(([when, a, b]) => ({
    rule,
    when,
    inputs: [a, b],
    build: (g: Graph, x: Value, y: Value) => g[op](x, y),
  })),
  { rule, when: 'with what came from it', inputs: [rows], build: (g, x) => g[op](g.exp(x), x) },
];

/** alpha · a′b′: every pair of transpositions, over batches of each kind. */
const matmuls = [
  ['of two matrices', [], []],
  ['of two batches', ['B', 2], ['B', 2]],
  ['of a batch and one matrix', ['B', 2], []],
  ['of one matrix and a batch', [], ['B', 2]],
  ['of batches that are repeated', ['B', 1], [3]],
].flatMap(([when, batchA, batchB]) =>
  [
    { transA: 0, transB: 0, alpha: 1 },
    { transA: 0, transB: 0, alpha: 0.5 },
    { transA: 0, transB: 1, alpha: 1 },
    { transA: 0, transB: 1, alpha: -1.5 },
    { transA: 1, transB: 0, alpha: 1 },
    { transA: 1, transB: 0, alpha: 0.5 },
    { transA: 1, transB: 1, alpha: 1 },
    { transA: 1, transB: 1, alpha: 0.5 },
  ]
    .filter(({ transA }) => !(transA && when === 'of a batch and one matrix'))
    .map((how): Case => {
      const a: Dim[] = how.transA ? [4, 'S'] : ['S', 4];
      const b = how.transB ? [5, 4] : [4, 5];
      return {
        rule: 'FusedMatMul',
        when: `${when}, ${JSON.stringify(how)}`,
        inputs: [
          [...(batchA as Shape), ...a],
          [...(batchB as Shape), ...b],
        ],
        build: (g, x, y) => g.matmul(x, y, how),
      };
    }),
);

const cases: readonly Case[] = [
  ...elementwise('Add', 'add'),
  ...elementwise('Sub', 'sub'),
  ...elementwise('Mul', 'mul'),
  one('Mul', (g, x) => g.mul(x, x), rows, 'with itself'),
  ...matmuls,
  {
    rule: 'FusedMatMul',
    when: 'onto fewer columns',
    inputs: [
      ['B', 'S', 4],
      [3, 4],
    ],
    build: (g, x, y) => g.matmul(x, y, { transB: 1 }),
  },
  ...([8, 4] as const).map((bits) =>
    one(
      'FrozenProduct',
      (g, x) => frozenProduct(g, 'w', quantize(bits, weightsOf(32, 64), 32, 64), x, 0),
      ['B', 1, 64],
      `of ${bits} bits`,
    ),
  ),
  one('Exp', (g, x) => g.exp(x)),
  one('Sigmoid', (g, x) => g.sigmoid(x)),
  one('Relu', (g, x) => g.relu(x)),
  { rule: 'GatedGelu', when: 'alone', inputs: [rows, rows], build: gatedGelu },
  ...[false, true].map(attention),
  one('Softmax', (g, x) => g.softmax(x)),
  one('Transpose', (g, x) => g.transpose(x, [2, 0, 1]), rows, 'not its own inverse'),
  one('Transpose', (g, x) => g.transpose(x, [0, 2, 1, 3]), ['B', 'S', 2, 2], 'of heads'),
  one('Reshape', (g, x) => g.flatten(x), rows, 'to rows, which loses the sizes of the batch'),
  one('Reshape', (g, x) => g.reshape(x, ['B', 'S', 2, 2]), rows, 'into heads'),
  one('Unsqueeze', (g, x) => g.unsqueeze(x, [0, 2])),
  one('ReduceSum', (g, x) => g.reduceSum(x, [-1]), rows, 'of the last axis'),
  one('ReduceSum', (g, x) => g.reduceSum(x, [0, 1]), rows, 'of the first axes'),
  {
    rule: 'SimplifiedLayerNormalization',
    when: 'with its weight',
    inputs: [rows, [4]],
    build: (g, x, w) => g.rmsNorm(x, w, 1e-6),
  },
  {
    rule: 'SimplifiedLayerNormalization',
    when: 'with an epsilon that counts',
    inputs: [rows, [4]],
    build: (g, x, w) => g.rmsNorm(x, w, 0.5),
  },
  one(
    'SoftmaxCrossEntropyLoss',
    (g, x) => g.crossEntropy(x, g.integers([3, 0, 3, 1, 2, 3], [6])),
    [6, 4],
    'with repeated labels',
  ),
  ...[false, true].map((tied) =>
    one('FrozenHeadLoss', (g, x) => headLoss(g, x, tied), [6, 4], `over a ${tied ? 'tied' : 'free'} head`),
  ),
  one('Gather', (g, x) => g.gather(x, g.integers([4, 1, 1, 0, 1, 4], [2, 3])), [5, 4], 'of repeated rows'),
  one('Gather', (g, x) => g.gather(x, g.integers([2, 2, 2])), [3, 4], 'of one row alone'),
];

/** Queries [B, 2, S, 3], keys and values of one more position; what is dropped is another each head. */
function attention(dropping: boolean): Case {
  const mask = (g: Graph) => g.floats([0, 2, 2, 2, 0, 0, 2, 2], [2, 1, 4]);
  return {
    rule: 'Attention',
    when: dropping ? 'with dropout' : 'alone',
    inputs: [
      ['B', 2, 'S', 3],
      ['B', 2, 4, 3],
      ['B', 2, 4, 3],
      [2, 'S', 4],
    ],
    build: (g, q, k, v, bias) => attend(g, q, k, v!, bias!, dropping ? (p) => g.mul(p, mask(g)) : undefined),
  };
}

/** Five words; rows 1 and 3 do not count, and the second block is filled up with a row of the first. */
function headLoss(g: Graph, hidden: Value, tied: boolean): Value {
  const table = g.floats(
    Array.from({ length: 20 }, (_, i) => Math.sin(3 * i)),
    [5, 4],
  );
  const config = { tied, dModel: 4 } as T5Config;
  return frozenHeadLoss({ g, config, tensor: () => table }, hidden, {
    ids: g.integers([4, 0, 1, 0, 1, 2]),
    weights: g.floats([0.5, 0, 0.25, 0, 1, 0.5], [6]),
    rows: g.integers([5, 0, 2, 4, 5, 5], [2, 3]),
    places: g.integers([1, 0, 2, 0, 3, 0]),
  });
}

for (const { rule, when, inputs, build } of cases) {
  test(`the gradient of ${rule} ${when} meets central differences`, async () => {
    const g = new Graph();
    const values = inputs.map((shape, i) => g.input(`x${i}`, shape));
    const y = build(g, values[0]!, values[1]!, values[2], values[3]);
    assert(
      g.tape.some(({ op }) => op === rule),
      `the case does not use ${rule}`,
    );
    g.output('y', y);
    const loss = sumOf(g, g.mul(y, g.input('weights', y.shape)));
    for (const [i, gradient] of gradients(g, loss, values).entries()) g.output(`d${i}`, gradient);
    const session = await openSession(g, { folder: '.', threads: 2, spinning: false });

    const next = random(`${rule} ${when}`);
    const feeds: Feeds = Object.fromEntries(
      [...values, ...g.inputs.filter(({ name }) => name === 'weights')].map((value) => [
        value.name,
        numbers(value.shape, next),
      ]),
    );
    const found = await session.run(feeds);
    for (const [i] of values.entries()) {
      const { shape, data } = found[`d${i}`]!;
      assert.deepEqual(shape, feeds[`x${i}`]!.shape);
      const error = relativeError(data as Float32Array, await differences(session, feeds, `x${i}`));
      assert(error < 1e-4, `input ${i}: relative error ${error}`);
    }
    await session.release();
  });
}

test('every rule of the table has a case here', () => {
  const covered = new Set(cases.map(({ rule }) => rule));
  assert.deepEqual(
    ruleNames.filter((name) => !covered.has(name)),
    [],
  );
});

test('a value that is used twice gets the sum of its gradients', async () => {
  const g = new Graph();
  const x = g.input('x', [3]);
  const loss = sumOf(g, g.add(g.mul(x, g.scalar(2)), g.mul(g.exp(x), g.scalar(0))));
  g.output('dx', gradients(g, loss, [x])[0]!);
  const session = await openSession(g, { folder: '.', threads: 2, spinning: false });
  const { dx } = await session.run({ x: { shape: [3], data: Float32Array.of(1, 2, 3) } });
  assert.deepEqual([...(dx!.data as Float32Array)], [2, 2, 2]);
});

test('what has no gradient is said when the graph is built', () => {
  const refused = (build: (g: Graph, x: Value, wanted: Value) => Value) => {
    const g = new Graph();
    const [x, wanted] = [g.input('x', [2, 4, 3]), g.input('wanted', [4, 5])];
    return () => gradients(g, sumOf(g, build(g, x, wanted)), [wanted]);
  };
  assert.throws(
    refused((g, _x, wanted) => g.reduceMean(wanted, [1])),
    /no gradient rule for ReduceMean/,
  );
  assert.throws(
    refused((_g, x) => x),
    /wanted does not lead to the loss/,
  );
  assert.throws(
    refused((g, x, wanted) => g.matmul(x, wanted, { transA: 1 })),
    /transposed rows .* has no rule/,
  );
});

function weightsOf(rows: number, columns: number): Float32Array {
  const next = random('weights');
  return Float32Array.from({ length: rows * columns }, () => next() - 0.5);
}

const sumOf = (g: Graph, x: Value) =>
  g.reduceSum(
    x,
    x.shape.map((_, axis) => axis),
  );

/** Numbers of both signs, none of them near 0, where Relu has a kink. */
function numbers(dims: Shape, next: () => number): { shape: number[]; data: Float32Array } {
  const shape = dims.map((dim) => (typeof dim === 'number' ? dim : sizes[dim]!));
  const count = shape.reduce((a, b) => a * b, 1);
  const data = Float32Array.from({ length: count }, () => (next() < 0.5 ? -1 : 1) * (0.2 + next()));
  return { shape, data };
}

/**
 * d(Σ weights ∘ y)/d(input) by differences over four points, whose error is of order step⁴: so a step may be wide
 * enough for float32. The sum is taken in float64.
 */
async function differences(session: Session, feeds: Feeds, name: string): Promise<number[]> {
  const step = 2 ** -5;
  const { shape, data } = feeds[name]!;
  const weights = feeds.weights!.data as Float32Array;
  const lossAt = async (i: number, by: number) => {
    const moved = Float32Array.from(data as Float32Array);
    moved[i]! += by;
    const y = (await session.run({ ...feeds, [name]: { shape, data: moved } })).y!.data as Float32Array;
    return y.reduce((sum, value, at) => sum + value * weights[at]!, 0);
  };
  const slopes: number[] = [];
  for (let i = 0; i < data.length; i++) {
    const near = (await lossAt(i, step)) - (await lossAt(i, -step));
    const far = (await lossAt(i, 2 * step)) - (await lossAt(i, -2 * step));
    slopes.push((8 * near - far) / (12 * step));
  }
  return slopes;
}
