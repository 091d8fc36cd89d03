import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ignored, paddedSize } from '../../../device/engine/batches.js';
import { type Feeds, openSession, type Session } from '../../../device/engine/session.js';
import { accumulated } from '../../../device/engine/train.js';
import { trainingGraph } from '../../../device/engine/training-graph.js';
import type { NamedTensors } from '../../../schemas/tensors.js';
import { relativeError, type Start, trainable } from './golden.js';
import { type Dropped, logitsError, readAdapter, readSmall, type SmallGolden } from './small-golden.js';

const starts: readonly Start[] = ['base', 'adapter', 'adapter-all'];
const tolerance = 1e-4; // relative L2

for (const name of ['small-1', 'small-2', 'small-3', 'small-4']) {
  const golden = await readSmall(name);
  const { reference, tensors, batch } = golden;

  test(`${name}: some labels are ignored among others, at the start, and in a whole row`, () => {
    assert(batch.some(({ target }) => target.slice(1, -1).includes(ignored)));
    assert.equal(batch[0]!.target[0], ignored);
    assert.equal(batch.at(-1)!.target.length, 0);
    assert(new Set(batch.map(({ source }) => source.length)).size > 1);
  });

  for (const start of starts) {
    test(`${name}, ${start}: logits, loss and every gradient are PyTorch's`, async () => {
      const adapter = start === 'base' ? undefined : await readAdapter(join(golden.folder, start));
      const error = await logitsError(golden, adapter, tensors.get(`${start}.logits`)!);
      assert(error <= tolerance, `logits: relative error ${error}`);
      const found = await lossAndGradients(golden, start);
      closeTo(found.loss, reference.loss[start]);
      requireGradients(found.gradients, `${start}.grad.`, tensors);
    });

    test(`${name}, ${start}: with PyTorch's dropout masks they are those of transformers and peft in training`, async () => {
      const dropped = reference.dropout[start];
      const found = await lossAndGradients(golden, start, dropped);
      closeTo(found.loss, dropped.loss);
      assert(Math.abs(dropped.loss / reference.loss[start] - 1) > 1e-3, 'the masks change nothing');
      requireGradients(found.gradients, `dropout.${start}.grad.`, tensors);
    });
  }
}

const closeTo = (found: number, expected: number) =>
  assert(Math.abs(found / expected - 1) <= tolerance, `loss: ${found}, expected ${expected}`);

function requireGradients(found: NamedTensors, prefix: string, expected: NamedTensors): void {
  const names = [...expected.keys()].filter((key) => key.startsWith(prefix));
  assert.deepEqual([...found.keys()].map((key) => prefix + key).sort(), names.sort());
  for (const [key, { data }] of found) {
    const error = relativeError(data, expected.get(prefix + key)!.data);
    assert(error <= tolerance, `${key}: relative error ${error}`);
  }
}

async function lossAndGradients(golden: SmallGolden, start: Start, dropped?: Dropped) {
  const { config, weights, batch, folder } = golden;
  const adapter = start === 'base' ? undefined : await readAdapter(join(folder, start));
  const parameters = adapter?.tensors ?? (await trainable(golden, 'base'));
  const which = adapter ? { lora: adapter.lora } : { open: true };
  const graph = trainingGraph({ config, weights, ...which, ...(dropped ? { dropout: dropped } : {}) });
  const session = await openSession(graph, golden.session);
  const sites = session.inputs.filter(({ name }) => /^(lora)?dropout:/i.test(name));
  assert.deepEqual(sites.map(({ name }) => name).sort(), Object.keys(dropped?.masks ?? {}).sort());
  const feeds = dropped ? masksOf(golden, sites, dropped) : {};
  return accumulated(session, config, parameters, [batch], undefined, () => feeds);
}

/** PyTorch's masks, which are as wide as its batch, in the shapes of ours, which is padded further. */
function masksOf(
  { batch }: SmallGolden,
  sites: Session['inputs'],
  { masks, model, adapter }: Dropped,
): Feeds {
  const { rows, source, target } = paddedSize(batch);
  const sizes: Record<string, number> = { B: rows, S: source, T: target };
  return Object.fromEntries(
    sites.map(({ name, shape: dims }) => {
      const shape = dims.map((dim) => (typeof dim === 'number' ? dim : sizes[dim]!));
      const { shape: theirs, kept } = masks[name]!;
      const bits = Buffer.from(kept, 'hex');
      const scale = 1 / (1 - (name.startsWith('lora') ? adapter : model));
      const data = new Float32Array(shape.reduce((a, b) => a * b)).fill(1);
      for (let i = 0; i < theirs.reduce((a, b) => a * b); i++)
        data[moved(i, theirs, shape)] = (bits[i >> 3]! >> (7 - (i & 7))) & 1 ? scale : 0;
      return [name, { shape, data }];
    }),
  );
}

/** The place of element `i` of a small array in a larger one of as many axes. */
function moved(i: number, small: readonly number[], large: readonly number[]): number {
  let [rest, place, stride] = [i, 0, 1];
  for (let axis = small.length - 1; axis >= 0; axis--) {
    place += (rest % small[axis]!) * stride;
    rest = Math.floor(rest / small[axis]!);
    stride *= large[axis]!;
  }
  return place;
}
