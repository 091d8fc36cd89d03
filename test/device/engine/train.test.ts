import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSession } from '../../../device/engine/session.js';
import { accumulated, stepCount } from '../../../device/engine/train.js';
import { trainingGraph } from '../../../device/engine/training-graph.js';
import { examplesOf, loraOf, readGolden, relativeError, trainable } from './golden.js';
import { training } from './training-task.js';

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
