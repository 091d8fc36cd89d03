import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig, type T5Config, tensorShapes } from '../../../device/engine/config.js';
import {
  adapterStepFlops,
  forwardFlops,
  fullStepFlops,
  geometryOf,
  loraStepFlops,
  rowsOfRun,
} from '../../../device/engine/flops.js';
import { adaptedModules, adapterShapes } from '../../../device/engine/lora.js';

const flanT5 = (d: number, f: number, heads: number, layers: number): T5Config =>
  parseConfig(
    {
      ...{ model_type: 't5', vocab_size: 32128, d_kv: 64, d_model: d, d_ff: f, num_heads: heads },
      ...{ num_layers: layers, feed_forward_proj: 'gated-gelu', tie_word_embeddings: false },
    },
    'a test',
  );

/** The table of the FLAN-T5 family, worked by hand: F at S = 512, T = 95 in GFLOP, numbers, numbers of an adapter. */
const family: [string, T5Config, string, number, number][] = [
  ['small', flanT5(512, 1024, 6, 8), '33.8', 76_961_152, 688_128],
  ['base', flanT5(768, 2048, 12, 12), '136.8', 247_577_856, 1_769_472],
  ['large', flanT5(1024, 2816, 16, 24), '473', 783_150_080, 4_718_592],
  ['xl', flanT5(2048, 5120, 32, 24), '1725', 2_849_757_184, 9_437_184],
];

const numbers = (shapes: Iterable<readonly number[]>) =>
  [...shapes].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);

for (const [name, config, gigaflops, parameters, adapter] of family) {
  test(`FLAN-T5-${name}: forward operations, parameters and adapter are those of the table`, () => {
    const digits = gigaflops.split('.')[1]?.length ?? 0;
    assert.equal((forwardFlops(geometryOf(config), 512, 95) / 1e9).toFixed(digits), gigaflops);
    assert.equal(numbers(tensorShapes(config).values()), parameters);
    const lora = { rank: 16, alpha: 32, targets: ['q', 'v'] };
    assert.equal(numbers(adapterShapes(config, lora).values()), adapter);
  });
}

// d = 2, i = 3, f = 5, V = 7, two encoder layers and one decoder layer; S = 4, T = 1.
const tiny = {
  ...{ vocabulary: 7, dModel: 2, inner: 3, dFf: 5, encoderLayers: 2, decoderLayers: 1, gated: true },
};

test('the formula by hand, for unequal stacks, gated and not', () => {
  const encoder = 2 * (8 * 4 * 2 * 3 + 4 * 16 * 3 + 6 * 4 * 2 * 5); // 2 · (192 + 192 + 240) = 1248
  const decoder = 8 * 2 * 3 + 4 * 3 + 6 * 2 * 5; // 48 + 12 + 60 = 120
  const cross = 4 * 2 * 3 + 4 * 4 * 2 * 3 + 4 * 4 * 3; // 24 + 96 + 48 = 168
  assert.equal(forwardFlops(tiny, 4, 1), encoder + decoder + cross + 2 * 2 * 7);
  assert.equal(forwardFlops(tiny, 4, 1), 1564);
  // One matrix of the feed-forward less: 2 · rows · d · f of nine rows (2 · 4 + 1).
  assert.equal(forwardFlops({ ...tiny, gated: false }, 4, 1), 1564 - 2 * 9 * 2 * 5);
  assert.equal(fullStepFlops(tiny, 4, 1), 3 * 1564);
});

test('adapters cost six operations for each of their numbers and each row that passes it', () => {
  const own = (...targets: string[]) => loraStepFlops(tiny, 4, 1, 1, targets) - 2 * 1564;
  assert.equal(own(), 0);
  assert.equal(own('q'), 6 * 5 * (8 + 1 + 1)); // Rows: encoder 2 · 4, decoder 1, across the target's 1.
  assert.equal(own('v'), 6 * 5 * (8 + 1 + 4)); // Across, values have the source's 4 rows.
  assert.equal(own('q', 'v'), own('q') + own('v'));
  assert.equal(own('k'), own('v'));
  assert.equal(own('o'), own('q'));
  assert.equal(own('wo'), 6 * 7 * 9);
  assert.equal(own('wi_0', 'wi_1', 'wi'), 3 * own('wo'));
  assert.equal(own('lm_head'), 6 * 9 * 1);
  assert.equal(loraStepFlops(tiny, 4, 1, 3, ['q']) - 2 * 1564, 3 * own('q'));
});

test('an adapter of one rank costs the same by its modules; of several, each counts with its own', () => {
  const config = flanT5(512, 1024, 6, 8);
  const geometry = geometryOf(config);
  const targets = ['q', 'k', 'v', 'o', 'wi_0', 'wi_1', 'wo'];
  const lora = { rank: 4, alpha: 8, targets };
  const step = adapterStepFlops(geometry, adaptedModules(config, lora));
  assert.equal(step(100, 20), loraStepFlops(geometry, 100, 20, 4, targets));
  const mixed = { ...lora, targets: ['q', 'SelfAttention.v'], rankPattern: { 'decoder.*q': 8 } };
  const own =
    adapterStepFlops(geometry, adaptedModules(config, mixed))(3, 2) - 2 * forwardFlops(geometry, 3, 2);
  // 512 + 6 · 64 = 896 by rank: encoder q and v, decoder's own q and v, and q across, in eight layers.
  assert.equal(own, 6 * 896 * 8 * ((4 + 4) * 3 + (8 + 4 + 8) * 2));
});

test('a run of the graph has the rows that make it worth its start: few of a large model, many of a small one', () => {
  const sample = (d: number, f: number, layers: number) => {
    const sizes = { vocabulary: 32128, dModel: d, inner: d, dFf: f, gated: true };
    const geometry = { ...sizes, encoderLayers: layers, decoderLayers: layers };
    return loraStepFlops(geometry, 256, 48, 16, ['q', 'v']);
  };
  assert.equal(rowsOfRun(150e9), 1);
  assert.equal(rowsOfRun(149e9), 2);
  assert.equal(rowsOfRun(sample(768, 2048, 12)), 2);
  assert.ok(rowsOfRun(sample(128, 256, 4)) > 64);
});
