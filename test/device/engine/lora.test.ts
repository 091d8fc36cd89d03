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
    new Refusal('LoRA targets wi: this model has no such linear module'),
  );
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
