import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openEngine, type Padded } from '../../../device/engine/engine.js';
import { openSession } from '../../../device/engine/session.js';
import { accumulated, stepCount } from '../../../device/engine/train.js';
import { trainingGraph } from '../../../device/engine/training-graph.js';
import { examplesOf, loraOf, readGolden, relativeError, trainable } from './golden.js';
import { modelFolder } from './model-folder.js';
import { examples, lora, text, training } from './training-task.js';

test('gradients of two batches that are accumulated are those of one batch of all', async () => {
  const golden = await readGolden('t5-v1.1');
  const { config, weights } = golden;
  const graph = trainingGraph({ config, weights, lora: loraOf(golden, 'adapter') });
  const session = await openSession(graph, golden.session);
  const parameters = await trainable(golden, 'adapter');
  const batches = golden.reference.training.microBatches.slice(0, 2).map(examplesOf);
  const apart = await accumulated(session, config, parameters, batches);
  const together = await accumulated(session, config, parameters, [batches.flat()]);
  assert(Math.abs(apart.loss / together.loss - 1) < 1e-5);
  for (const [name, { data }] of together.gradients) {
    assert(relativeError(apart.gradients.get(name)!.data, data) < 1e-5, name);
  }
});

test('a task has the steps that its epochs hold, or fewer where it says so, but one at least', () => {
  const steps = (examples: number, changes: Partial<typeof training>) =>
    stepCount(examples, { ...training, steps: 0, epochs: 1, batchSize: 8, accumulation: 1, ...changes });
  assert.equal(steps(80, {}), 10);
  assert.equal(steps(81, {}), 11);
  assert.equal(steps(80, { epochs: 3, accumulation: 4 }), 7);
  assert.equal(steps(80, { steps: 4 }), 4);
  assert.equal(steps(80, { steps: 40 }), 10);
  assert.equal(steps(3, { accumulation: 4 }), 1);
  assert.equal(steps(0, { steps: 4 }), 0);
});

test('micro-batches change a training by rounding alone, and their order by nothing', async () => {
  const engine = await openEngine(await modelFolder(), { threads: 1 });
  const adapter = { lora, tensors: engine.freshAdapter(lora, 1) };
  const settings = { ...training, accumulation: 2 };
  const trained = async (microBatch?: number) => {
    const [losses, batches]: [number[], Padded[]] = [[], []];
    const course = { microBatch, running: (batch: Padded) => void batches.push(batch) };
    const found = await engine.train(
      adapter,
      examples,
      settings,
      text,
      1,
      (r) => losses.push(r.loss),
      course,
    );
    return { ...found, losses, batches };
  };
  const whole = await trained();
  const apart = await trained(3);
  assert.deepEqual(apart.batches.map(({ rows }) => rows).slice(0, 4), [2, 2, 2, 2]);
  assert.equal(whole.batches.length, 2 * whole.losses.length);
  for (const [i, loss] of whole.losses.entries()) assert(Math.abs(apart.losses[i]! / loss - 1) < 1e-4);
  assert.deepEqual(
    [apart.tokens, apart.labelTokens, apart.examples],
    [whole.tokens, whole.labelTokens, whole.examples],
  );
  const [first, ...rest] = whole.batches;
  assert(
    rest.slice(0, 1).every((batch) => batch.source <= first!.source),
    'the largest of a pass comes first',
  );
  await engine.release();
});
