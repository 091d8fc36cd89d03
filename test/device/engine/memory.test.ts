import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openEngine } from '../../../device/engine/engine.js';
import { examples, lora, text, training } from './training-task.js';

test('with memory small each loss is that of memory fast, to 1e-6 of its size', async () => {
  const losses = async (memory: 'fast' | 'small') => {
    const engine = await openEngine('builtin/model', { threads: 1, memory });
    const adapter = { lora, tensors: engine.freshAdapter(lora, 1) };
    const found: number[] = [];
    await engine.train(adapter, examples, { ...training, learningRate: 1e-3 }, text, 1, (r) =>
      found.push(r.loss),
    );
    await engine.release();
    return found;
  };
  const [fast, small] = [await losses('fast'), await losses('small')];
  assert.equal(fast.length, training.steps);
  for (const [i, loss] of fast.entries())
    assert(Math.abs(small[i]! / loss - 1) < 1e-6, `step ${i + 1}: ${small[i]} for ${loss}`);
});
