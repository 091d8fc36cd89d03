import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Padded } from '../../../device/engine/batches.js';
import { dropoutMasks } from '../../../device/engine/dropout.js';
import { openEngine } from '../../../device/engine/engine.js';
import { encodeModel } from '../../../device/engine/onnx.js';
import { openSession } from '../../../device/engine/session.js';
import { accumulated } from '../../../device/engine/train.js';
import { trainingGraph } from '../../../device/engine/training-graph.js';
import type { Lora } from '../../../schemas/messages.js';
import { random } from '../../../schemas/random.js';
import { encodeSafetensors, type NamedTensors } from '../../../schemas/tensors.js';
import { examplesOf, loraOf, readGolden, trainable } from './golden.js';
import { modelFolder } from './model-folder.js';
import { examples, lora, text, training } from './training-task.js';

const size: Padded = { rows: 4, source: 64, target: 16 };
const sites = [
  { name: 'dropout:encoder.embed_tokens', shape: ['B', 'S', 64] },
  { name: 'dropout:encoder.block.0.layer.0.SelfAttention', shape: ['B', 4, 'S', 'S'] },
  { name: 'dropout:decoder.final_layer_norm', shape: ['B*T', 64] },
  { name: 'loraDropout:encoder.block.0.layer.0.SelfAttention.q', shape: ['B', 'S', 64] },
];
const inputs = [{ name: 'source', shape: ['B', 'S'] }, ...sites];
const rates = { model: 0.1, adapter: 0.3 };
const numbersOf = (seed: string, at: number) =>
  dropoutMasks(inputs, rates)(size, seed)[sites[at]!.name]!.data as Float32Array;

test('a mask drops at its rate and scales up what it keeps, in the shape of its site', () => {
  const masks = dropoutMasks(inputs, rates)(size, 'a');
  assert.deepEqual(Object.keys(masks).sort(), sites.map(({ name }) => name).sort());
  assert.deepEqual(
    sites.map(({ name }) => masks[name]!.shape),
    [
      [4, 64, 64],
      [4, 4, 64, 64],
      [64, 64],
      [4, 64, 64],
    ],
  );
  for (const { name } of sites) {
    const rate = name.startsWith('lora') ? rates.adapter : rates.model;
    const data = masks[name]!.data as Float32Array;
    const kept = data.filter((x) => x === Math.fround(1 / (1 - rate))).length;
    assert.equal(data.filter((x) => x === 0).length, data.length - kept);
    const deviation = Math.sqrt((rate * (1 - rate)) / data.length);
    assert(
      Math.abs(kept / data.length - (1 - rate)) < 4 * deviation,
      `${name}: ${kept} of ${data.length} kept`,
    );
  }
});

test('masks of neighbours, of sites, of places and of steps have nothing in common', () => {
  const [one, other] = [numbersOf('1 0 0', 0), numbersOf('1 0 0', 1)];
  const pairs: [string, Float32Array, Float32Array][] = [
    ['numbers side by side', one.subarray(1), one],
    ['numbers below each other', one.subarray(64), one],
    ['two sites', one, other],
    ['two kinds', one, numbersOf('1 0 0', 3)],
    ['two steps', one, numbersOf('1 1 0', 0)],
    ['two places of a step', one, numbersOf('1 0 1', 0)],
    ['two seeds', one, numbersOf('2 0 0', 0)],
  ];
  for (const [what, a, b] of pairs) {
    const n = Math.min(a.length, b.length);
    assert(Math.abs(correlation(a, b, n)) < 4 / Math.sqrt(n), `${what}: ${correlation(a, b, n)}`);
  }
});

test('masks are a pure function of size and seed: not of what was drawn before, nor of the other sites', () => {
  const used = dropoutMasks(inputs, rates);
  used({ rows: 8, source: 128, target: 8 }, 'before');
  const [again, fresh] = [used(size, 'a'), dropoutMasks(inputs.toReversed(), rates)(size, 'a')];
  assert.deepEqual(again, fresh);
});

test('without a rate the graph is the same, byte for byte; with one it asks for a mask a site', async () => {
  const { config, weights } = await readGolden('t5-v1.1');
  const of = (model: number, adapter: number) =>
    trainingGraph({ config, weights, lora, dropout: { model, adapter } });
  const plain = trainingGraph({ config, weights, lora });
  assert(Buffer.from(encodeModel(of(0, 0))).equals(encodeModel(plain)));
  const added = (model: number, adapter: number) => of(model, adapter).inputs.length - plain.inputs.length;
  assert.equal(added(0.1, 0), 2 * 2 + 2 * 4 + 2 * 6); // Ends of stacks; 4 an encoder block, 6 a decoder block.
  assert.equal(added(0, 0.1), 2 * 2 + 2 * 4); // q and v of each attention.
  assert.equal(added(0.5, 0.1), added(0.1, 0) + added(0, 0.1));
});

test('the gradient of the dropped loss meets central differences, the masks held still', async () => {
  const golden = await readGolden('t5-v1.1');
  const { config, weights } = golden;
  const graph = trainingGraph({ config, weights, lora: loraOf(golden, 'adapter-all')!, dropout: rates });
  const session = await openSession(graph, golden.session);
  const masks = dropoutMasks(session.inputs, rates);
  const parameters = await trainable(golden, 'adapter-all');
  const batches = [examplesOf(golden.reference.cases.short)];
  const lossAt = (at: NamedTensors) =>
    accumulated(session, config, at, batches, undefined, (size) => masks(size, 'still'));
  const next = random('direction');
  const direction = new Map(
    [...parameters].map(([name, { data }]) => [name, data.map(() => 2 * next() - 1)]),
  );
  const moved = (by: number): NamedTensors =>
    new Map(
      [...parameters].map(([name, { shape, data }]) => [
        name,
        { shape, data: data.map((x, i) => x + by * direction.get(name)![i]!) },
      ]),
    );
  const { gradients } = await lossAt(parameters);
  let slope = 0;
  for (const [name, { data }] of gradients)
    for (const [i, x] of data.entries()) slope += x * direction.get(name)![i]!;
  const step = 2 ** -8;
  const found = ((await lossAt(moved(step))).loss - (await lossAt(moved(-step))).loss) / (2 * step);
  assert(Math.abs(found / slope - 1) < 5e-3, `${found}, by the gradient ${slope}`);
});

test('training that drops is a pure function of adapter, examples, settings and seed', async () => {
  const folder = await modelFolder();
  const [engine, other] = [
    await openEngine(folder, { threads: 2 }),
    await openEngine(folder, { threads: 1 }),
  ];
  const dropping: Lora = { ...lora, dropout: 0.2 };
  const settings = { ...training, dropout: 0.1, accumulation: 2 };
  const tensors = engine.freshAdapter(lora, 1);
  const trained = async (by: typeof engine, of: Lora, how: typeof settings, seed: number) => {
    const result = await by.train({ lora: of, tensors }, examples, how, text, seed);
    return Buffer.from(encodeSafetensors(result.tensors)).toString('base64');
  };
  const first = await trained(engine, dropping, settings, 1);
  const others = [
    await trained(engine, dropping, settings, 2),
    await trained(engine, lora, settings, 1),
    await trained(engine, dropping, { ...settings, dropout: 0 }, 1),
    await trained(engine, dropping, { ...settings, dropout: 0.11 }, 1),
    await trained(engine, lora, { ...settings, dropout: 0 }, 1),
  ];
  assert.equal(new Set([first, ...others]).size, 6);
  assert.equal(
    await trained(engine, dropping, settings, 1),
    first,
    'in a session that did other tasks since',
  );
  assert.equal(await trained(other, dropping, settings, 1), first, 'in another session, with one thread');
  const [withRate, without] = [dropping, lora].map((of) =>
    engine.evaluate({ lora: of, tensors }, examples, text),
  );
  assert.deepEqual(await withRate, await without, 'evaluation drops nothing');
  await engine.release();
  await other.release();
});

test('with dropout a training still learns', async () => {
  const engine = await openEngine(await modelFolder(), { threads: 2 });
  const everywhere = { rank: 4, alpha: 8, targets: ['q', 'k', 'v', 'o', 'wi_0', 'wi_1', 'wo'], dropout: 0.1 };
  const adapter = { lora: everywhere, tensors: engine.freshAdapter(everywhere, 1) };
  const before = await engine.evaluate(adapter, examples, text);
  const settings = { ...training, dropout: 0.1, steps: 40, batchSize: 8 };
  const { tensors } = await engine.train(adapter, examples, settings, text, 1);
  const after = await engine.evaluate({ lora: everywhere, tensors }, examples, text);
  assert(after.loss < 0.3 * before.loss, `${before.loss} → ${after.loss}`);
  await engine.release();
});

/** Of the first n numbers. */
function correlation(a: Float32Array, b: Float32Array, n: number): number {
  const [x, y] = [a.subarray(0, n), b.subarray(0, n)];
  const mean = (data: Float32Array) => data.reduce((sum, value) => sum + value, 0) / n;
  const [meanX, meanY] = [mean(x), mean(y)];
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    xy += (x[i]! - meanX) * (y[i]! - meanY);
    xx += (x[i]! - meanX) ** 2;
    yy += (y[i]! - meanY) ** 2;
  }
  return xy / Math.sqrt(xx * yy);
}
