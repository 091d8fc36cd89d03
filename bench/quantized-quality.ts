import { demoHeldOut } from '../builtin/corpus.js';
import { readConfig } from '../device/engine/config.js';
import { freeze } from '../device/engine/freeze.js';
import { freshAdapter } from '../device/engine/lora.js';
import { openSession } from '../device/engine/session.js';
import { openTokenizer } from '../device/engine/tokenizer.js';
import { accumulated, train } from '../device/engine/train.js';
import { trainingGraph } from '../device/engine/training-graph.js';
import { readWeightIndex } from '../device/engine/weights.js';
import type { Training } from '../schemas/messages.js';
import type { NamedTensors } from '../schemas/tensors.js';

const lora = { rank: 16, alpha: 32, targets: ['q', 'v'] };
const training: Omit<Training, 'steps'> = {
  ...{ epochs: 1000, batchSize: 8, accumulation: 1, learningRate: 2e-3, weightDecay: 0.01 },
  ...{ warmupSteps: 5, schedule: 'constant', clipNorm: 1 },
};

/**
 * Tuning a trained model to the demo's three domains, which it has not seen: cosines of the gradient to that of 32
 * bits at the start and after 40 steps, bits a weight, and the held-out loss after so many steps from the same start.
 */
export async function qualityOf(folder: string, steps: number, threads: number) {
  const [config, tokenizer] = [await readConfig(folder), await openTokenizer(folder)];
  const weights = await readWeightIndex(folder, config);
  const texts = (count: number, seed: number) =>
    demoHeldOut(count, seed).map(({ dialogue, summary }) => ({
      source: tokenizer.encode(`summarize: ${dialogue}`, 192),
      target: tokenizer.encode(summary, 64),
    }));
  const [held, examples] = [texts(64, 7), texts(800, 5)];
  const start = freshAdapter(config, lora, 1);
  const moved = freshAdapter(config, lora, 1);
  const rows: Record<string, string | number>[] = [];
  let full: { start: NamedTensors; moved: NamedTensors; loss: number } | undefined;
  for (const bits of ['32', '8', '4'] as const) {
    const frozen = bits === '32' ? undefined : await freeze(folder, config, weights, bits);
    const graph = trainingGraph({ config, weights, lora, frozen: frozen?.weights });
    const session = await openSession(graph, { folder, threads, spinning: false });
    if (!full) await train(session, config, moved, examples, { ...training, steps: 40 }, 1);
    const gradient = async (adapter: NamedTensors) =>
      (await accumulated(session, config, adapter, [held.slice(0, 32), held.slice(32)])).gradients;
    const found = { start: await gradient(start), moved: await gradient(moved) };
    const tuned = freshAdapter(config, lora, 1);
    await train(session, config, tuned, examples, { ...training, steps }, 1);
    const { loss } = await accumulated(session, config, tuned, [held.slice(0, 32), held.slice(32)]);
    await session.release();
    full ??= { ...found, loss };
    rows.push({
      ...{ model: folder, bits, 'bits a weight': frozen ? (8 * frozen.bytes) / frozen.numbers : 32 },
      ...{ cosine: cosine(full.start, found.start), 'cosine, moved': cosine(full.moved, found.moved) },
      ...{ loss, 'loss to 32 bits': `${(100 * (loss / full.loss - 1)).toFixed(2)} %` },
    });
  }
  return rows;
}

function cosine(a: NamedTensors, b: NamedTensors): number {
  let [product, left, right] = [0, 0, 0];
  for (const [name, { data }] of a) {
    for (const [i, x] of data.entries()) {
      const y = b.get(name)!.data[i]!;
      product += x * y;
      left += x * x;
      right += y * y;
    }
  }
  return product / Math.sqrt(left * right);
}
