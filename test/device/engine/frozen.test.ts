import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { demoHeldOut, pretrainingExamples } from '../../../builtin/corpus.js';
import { readConfig, type T5Config } from '../../../device/engine/config.js';
import { openEngine } from '../../../device/engine/engine.js';
import { freeze } from '../../../device/engine/freeze.js';
import { type FrozenWeights, frozenProduct } from '../../../device/engine/frozen.js';
import { Graph, type Value } from '../../../device/engine/graph.js';
import { freshAdapter } from '../../../device/engine/lora.js';
import { dequantize, quantize } from '../../../device/engine/quantize.js';
import { openSession } from '../../../device/engine/session.js';
import { openTokenizer } from '../../../device/engine/tokenizer.js';
import { accumulated } from '../../../device/engine/train.js';
import { trainingGraph } from '../../../device/engine/training-graph.js';
import { gradients } from '../../../device/engine/walk.js';
import { readWeightIndex, type WeightIndex } from '../../../device/engine/weights.js';
import type { Training } from '../../../schemas/messages.js';
import { random } from '../../../schemas/random.js';
import { relativeError } from './golden.js';

const folder = 'builtin/model';
const settings = { folder, threads: 2, spinning: false };
const text = { prefix: 'summarize: ', maxSourceTokens: 192, maxTargetTokens: 64 };
const lora = { rank: 4, alpha: 8, targets: ['q', 'v'] };
let config: T5Config;
let weights: WeightIndex;

before(async () => {
  config = await readConfig(folder);
  weights = await readWeightIndex(folder, config);
});

/** A product with its gradient, weights as `product` says. */
async function run(rows: number, inner: number, product: (g: Graph, x: Value) => Value) {
  const g = new Graph();
  const x = g.input('x', ['B', 'S', inner]);
  const y = product(g, x);
  g.output('y', y);
  const loss = g.reduceSum(g.mul(y, g.input('weights', y.shape)), [0, 1, 2]);
  g.output('dx', gradients(g, loss, [x])[0]!);
  const session = await openSession(g, settings);
  const next = random('product');
  const numbers = (...shape: number[]) => ({
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => next() * 2 - 1),
  });
  const { y: out, dx } = await session.run({ x: numbers(2, 5, inner), weights: numbers(2, 5, rows) });
  await session.release();
  return { y: out!.data as Float32Array, dx: dx!.data as Float32Array };
}

for (const bits of [8, 4] as const) {
  for (const [level, tolerance] of [
    [0, 1e-5],
    [4, 1e-2], // x and dy are rounded to int8 by blocks of 32
  ] as const) {
    test(`${bits} bits, level ${level}: product and gradient are those of the dequantized weights`, async () => {
      const [rows, inner] = [96, 128];
      const next = random('w');
      const w = quantize(
        bits,
        Float32Array.from({ length: rows * inner }, () => next() - 0.5),
        rows,
        inner,
      );
      const numbers = [...dequantize(w)];
      const few = await run(rows, inner, (g, x) => frozenProduct(g, 'w', w, x, level));
      const all = await run(rows, inner, (g, x) =>
        g.matmul(x, g.floats(numbers, [rows, inner]), { transB: 1 }),
      );
      for (const name of ['y', 'dx'] as const) {
        const error = relativeError(few[name], all[name]);
        assert(error <= tolerance, `${name} is off by ${error}`);
      }
    });
  }
}

/** The gradient of an untouched adapter on dialogues of kinds that the model has not seen, and its loss. */
async function adapterGradient(frozen?: FrozenWeights) {
  const tokenizer = await openTokenizer(folder);
  const examples = demoHeldOut(24, 7).map(({ dialogue, summary }) => ({
    source: tokenizer.encode(text.prefix + dialogue, text.maxSourceTokens),
    target: tokenizer.encode(summary, text.maxTargetTokens),
  }));
  const session = await openSession(trainingGraph({ config, weights, lora, frozen }), settings);
  const found = await accumulated(session, config, freshAdapter(config, lora, 1), [examples]);
  await session.release();
  return { loss: found.loss, all: [...found.gradients.values()].flatMap(({ data }) => [...data]) };
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
const cosine = (a: readonly number[], b: readonly number[]) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));

test('the trained model’s gradient keeps its direction: cosine ≥ 0.99 with 8 bits, ≥ 0.95 with 4', async () => {
  const full = await adapterGradient();
  for (const [bits, least] of [
    ['8', 0.99],
    ['4', 0.95],
  ] as const) {
    const frozen = await freeze(folder, config, weights, bits);
    const few = await adapterGradient(frozen.weights);
    const found = cosine(few.all, full.all);
    assert(found >= least, `${bits} bits: cosine ${found}`);
    assert(Math.abs(few.loss / full.loss - 1) < 0.02, `${bits} bits: loss ${few.loss}, ${full.loss} in 32`);
    assert(few.all.some((x, i) => x !== full.all[i]));
  }
});

test('bits are counted: numbers, scales and zeros', async () => {
  const [eight, four] = [
    await freeze(folder, config, weights, '8'),
    await freeze(folder, config, weights, '4'),
  ];
  assert.equal(eight.numbers, four.numbers);
  assert.equal(eight.bytes, eight.numbers * (1 + 4 / 1024));
  assert(four.bytes < eight.bytes * 0.85);
});

test('an adapter trained on a base of few bits serves the base of 32', async () => {
  const pairs = (count: number, seed: number) =>
    demoHeldOut(count, seed).map(({ dialogue, summary }) => ({ source: dialogue, target: summary }));
  const training: Training = {
    ...{ steps: 10, epochs: 9, batchSize: 8, accumulation: 1, learningRate: 5e-3, weightDecay: 0 },
    ...{ warmupSteps: 0, schedule: 'constant', clipNorm: 1 },
  };
  const short = { ...text, maxTargetTokens: 48 };
  const held = pairs(6, 2);
  const full = await openEngine(folder, { threads: 2 });
  const { loss: before } = await full.evaluate(undefined, held, short);
  for (const baseBits of ['8', '4'] as const) {
    const engine = await openEngine(folder, { threads: 2, baseBits });
    const start = { lora, tensors: engine.freshAdapter(lora, 1) };
    const { tensors } = await engine.train(start, pairs(96, 1), training, short, 1);
    const [here, there] = [
      await engine.evaluate({ lora, tensors }, held, short),
      await full.evaluate({ lora, tensors }, held, short),
    ];
    assert(there.loss < before - 1, `${baseBits} bits: ${there.loss}, before ${before}`);
    assert(Math.abs(here.loss / there.loss - 1) < 0.1, `${here.loss} here, ${there.loss} there`);
    await engine.release();
  }
  await full.release();
});

test('a base of few bits still writes what the model has learned', async () => {
  const [example] = pretrainingExamples(1, 3, 'validation');
  for (const baseBits of ['8', '4'] as const) {
    const engine = await openEngine(folder, { threads: 2, baseBits });
    assert.deepEqual(await engine.summarize(undefined, [example!.dialogue], text), [example!.summary]);
    await engine.release();
  }
});

test('a base of few bits is the cpu provider’s', () =>
  assert.rejects(openEngine(folder, { threads: 1, baseBits: '8', provider: 'webgpu' }), {
    name: 'Refusal',
    message: /a base of 8 bits runs on the cpu provider, not on webgpu/,
  }));
