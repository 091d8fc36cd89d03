import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSession } from '../../../device/engine/session.js';
import { accumulated } from '../../../device/engine/train.js';
import { trainingGraph } from '../../../device/engine/training-graph.js';
import { examplesOf, loraOf, readGolden, type Start, trainable, versions } from './golden.js';

for (const version of versions) {
  for (const start of ['adapter', 'adapter-all', 'base'] as Start[]) {
    test(`${version}, ${start}: layers that are run again give the same bits as layers that are kept`, async () => {
      const golden = await readGolden(version);
      const { config, weights, reference, session: settings } = golden;
      const which = start === 'base' ? { open: true } : { lora: loraOf(golden, start) };
      const parameters = await trainable(golden, start);
      const batches = [examplesOf(reference.cases.short), examplesOf(reference.cases.long)];
      const stepOf = async (recompute: boolean) => {
        const graph = trainingGraph({ config, weights, ...which, recompute });
        const session = await openSession(graph, settings);
        const found = await accumulated(session, config, parameters, batches);
        await session.release();
        return { ...found, softmaxes: graph.nodes.filter(({ op }) => op === 'Softmax').length };
      };
      const [kept, again] = [await stepOf(false), await stepOf(true)];
      assert.equal(again.softmaxes, 2 * kept.softmaxes, 'each attention runs twice');
      assert.equal(again.loss, kept.loss);
      for (const [name, { data }] of kept.gradients)
        assert.deepEqual(again.gradients.get(name)!.data, data, name);
    });
  }
}
