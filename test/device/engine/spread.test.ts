import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfig } from '../../../device/engine/config.js';
import { freshAdapter } from '../../../device/engine/lora.js';
import { openSession } from '../../../device/engine/session.js';
import { accumulated } from '../../../device/engine/train.js';
import { trainingGraph } from '../../../device/engine/training-graph.js';
import { readWeightIndex } from '../../../device/engine/weights.js';
import { relativeError } from './golden.js';
import { modelFolder } from './model-folder.js';

const examples = [{ source: [5, 9, 7, 3, 4, 1], target: [8, 3, 1] }];

async function steps(dFf: number, targets: string[]) {
  const folder = await modelFolder({ d_ff: dFf });
  const config = await readConfig(folder);
  const weights = await readWeightIndex(folder, config);
  const lora = { rank: 2, alpha: 4, targets };
  const adapter = freshAdapter(config, lora, 1);
  for (const { data } of adapter.values()) data.set(data.map((x, i) => x + 0.01 * Math.sin(i))); // B is 0 when fresh.
  const step = async (spread: boolean) => {
    const graph = trainingGraph({ config, weights, lora, spread });
    const session = await openSession(graph, { folder, threads: 1, spinning: false });
    const found = await accumulated(session, config, adapter, [examples]);
    await session.release();
    return { ...found, wider: graph.nodes.filter(({ op }) => op === 'Pad').length };
  };
  return { plain: await step(false), spread: await step(true), config };
}

test('rows a multiple of 4 KiB apart are moved apart, and the gradient stays', async () => {
  const { plain, spread, config } = await steps(1024, ['q', 'v']);
  assert.equal(spread.wider, 3 * (config.encoderLayers + config.decoderLayers));
  assert(relativeError([spread.loss], [plain.loss]) < 1e-6);
  for (const [name, { data }] of plain.gradients)
    assert(relativeError(spread.gradients.get(name)!.data, data) < 1e-5, name);
});

test('other widths, and feed-forwards that are adapted, stay as they are', async () => {
  assert.equal((await steps(96, ['q', 'v'])).spread.wider, 0);
  assert.equal((await steps(1024, ['q', 'wo'])).spread.wider, 0);
});
