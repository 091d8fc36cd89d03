import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../../device/engine/config.js';
import { adaptedModules, adapterShapes, freshAdapter, requireAdapter } from '../../../device/engine/lora.js';
import { Refusal } from '../../../schemas/refusal.js';
import { loraOf, readGolden, trainable, versions } from './golden.js';
import { tinyConfig } from './model-folder.js';
import { lora } from './training-task.js';

const config = parseConfig(tinyConfig, 'config.json');

test("an adapter has the tensors of PEFT's, by name and shape", async () => {
  for (const version of versions) {
    const golden = await readGolden(version);
    for (const start of ['adapter', 'adapter-all'] as const) {
      const theirs = [...(await trainable(golden, start))].map(([name, { shape }]) => [name, shape]);
      assert.deepEqual([...adapterShapes(golden.config, loraOf(golden, start)!)].sort(), theirs.sort());
    }
  }
});

test('a target is the last name of a module, and one that no module has is refused', () => {
  const modules = [...adaptedModules(config, { ...lora, targets: ['k'] }).keys()];
  assert.equal(modules.length, 2 + 2 * 2);
  assert(modules.every((name) => name.endsWith('.k')));
  assert.throws(
    () => adaptedModules(config, { ...lora, targets: ['q', 'wi'] }),
    new Refusal("LoRA targets wi: this model's blocks have no such linear module"),
  );
  const one = 'decoder.block.1.layer.1.EncDecAttention.o';
  assert.deepEqual([...adaptedModules(config, { ...lora, targets: [one] }).keys()], [one]);
  const across = [...adaptedModules(config, { ...lora, targets: ['EncDecAttention.q'] }).keys()];
  assert.deepEqual(
    across,
    [0, 1].map((block) => `decoder.block.${block}.layer.1.EncDecAttention.q`),
  );
  for (const target of ['lm_head', 'shared', 'relative_attention_bias', 'ncDecAttention.q'])
    assert.throws(() => adaptedModules(config, { ...lora, targets: [target] }), /have no such linear module/);
});

test('rank and scale of a module are those of the first pattern that fits; rsLoRA divides by the root', () => {
  const patterned = {
    ...lora,
    rankPattern: { '^decoder.*SelfAttention.q': 9, 'SelfAttention.q': 2, q: 3 },
    alphaPattern: { v: 16 },
  };
  const of = (changes: object) => {
    const modules = adaptedModules(config, { ...patterned, ...changes });
    const [encoder, decoder] = [
      'encoder.block.0.layer.0.SelfAttention',
      'decoder.block.0.layer.0.SelfAttention',
    ];
    const names = [
      `${encoder}.q`,
      `${decoder}.q`,
      'decoder.block.0.layer.1.EncDecAttention.q',
      `${encoder}.v`,
    ];
    return names.map((name) => modules.get(name)!).map(({ rank, scale }) => [rank, scale]);
  };
  assert.deepEqual(of({}), [
    [2, 4],
    [9, 8 / 9],
    [3, 8 / 3],
    [4, 4],
  ]);
  assert.deepEqual(of({ rslora: true }), [
    [2, 8 / Math.SQRT2],
    [9, 8 / 3],
    [3, 8 / Math.sqrt(3)],
    [4, 8],
  ]);
  const adapter = freshAdapter(config, patterned, 1);
  requireAdapter(config, patterned, adapter);
  assert.throws(() => requireAdapter(config, lora, adapter), /is \[2,32\], expected \[4,32\]/);
});

test('a fresh adapter is seeded and changes nothing: A is uniform in ±1/√in, B is zero', () => {
  const adapter = freshAdapter(config, lora, 1);
  requireAdapter(config, lora, adapter);
  assert.deepEqual(freshAdapter(config, lora, 1), adapter);
  assert.notDeepEqual(freshAdapter(config, lora, 2), adapter);
  for (const [name, { data }] of adapter) {
    if (name.includes('lora_B')) assert(data.every((x) => x === 0));
    else
      assert(
        data.every((x) => Math.abs(x) <= 32 ** -0.5) && data.some((x) => Math.abs(x) > 0.9 * 32 ** -0.5),
      );
  }
});

test('an adapter that does not fit is refused, its first wrong tensor named', () => {
  const adapter = freshAdapter(config, lora, 1);
  const extra = new Map(adapter).set('base_model.model.lm_head.lora_A.weight', {
    shape: [4, 32],
    data: new Float32Array(128),
  });
  assert.throws(() => requireAdapter(config, lora, extra), /lm_head\.lora_A\.weight belongs to no target/);
});
