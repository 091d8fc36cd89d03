import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adamW, clip, scheduleFactor } from '../../../device/engine/adamw.js';
import type { Encoded } from '../../../device/engine/batches.js';
import { greedyDecoding } from '../../../device/engine/decoding.js';
import { generate } from '../../../device/engine/generate.js';
import type { Blueprint } from '../../../device/engine/parts.js';
import { decode, encode, type Reader, score, scoringPass } from '../../../device/engine/reading.js';
import { readingGraph } from '../../../device/engine/reading-graph.js';
import { openSession } from '../../../device/engine/session.js';
import { accumulated } from '../../../device/engine/train.js';
import { trainingGraph } from '../../../device/engine/training-graph.js';
import {
  examplesOf,
  type Golden,
  type Length,
  loraOf,
  readGolden,
  relativeError,
  type Start,
  trainable,
  versions,
} from './golden.js';

const starts: readonly Start[] = ['base', 'adapter', 'adapter-all'];
const lengths: readonly Length[] = ['short', 'long'];
const tolerance = 1e-4; // relative L2
const prefixOf = (length: Length) => (length === 'long' ? 'long.' : '');

function close(found: number, expected: number, relative: number, what: string): void {
  assert(
    Math.abs(found - expected) <= relative * Math.abs(expected),
    `${what}: ${found}, expected ${expected}`,
  );
}

/** The blueprint that trains from a start: the adapter, or from the base all weights. */
const training = (golden: Golden, start: Start): Blueprint => {
  const { config, weights } = golden;
  return start === 'base'
    ? { config, weights, open: true }
    : { config, weights, lora: loraOf(golden, start) };
};

const reading = async (golden: Golden, start: Start, withLogits = false): Promise<Reader> => {
  const blueprint = { config: golden.config, weights: golden.weights, lora: loraOf(golden, start) };
  return {
    session: await openSession(readingGraph(blueprint, withLogits), golden.session),
    config: golden.config,
    adapter: start === 'base' ? new Map() : await trainable(golden, start),
  };
};

for (const version of versions) {
  const golden = await readGolden(version);
  const { config, reference, tensors } = golden;

  for (const start of starts) {
    test(`${version}, ${start}: logits and loss are PyTorch's`, async () => {
      const reader = await reading(golden, start, true);
      for (const length of lengths) {
        const batch = examplesOf(reference.cases[length]);
        const memory = await encode(reader, batch);
        const { nll, labelTokens } = await score(reader, memory, batch);
        close(nll / labelTokens, reference.loss[length][start], tolerance, `${length} loss`);
        const { logits } = await decode(reader, memory, scoringPass(config, batch));
        const expected = tensors.get(`${prefixOf(length)}logits.${start}`)!;
        const [ours, theirs] = labelled(logits!.data as Float32Array, expected, batch);
        assert(relativeError(ours, theirs) <= tolerance, `${length} logits: ${relativeError(ours, theirs)}`);
      }
    });

    test(`${version}, ${start}: the training loss and every gradient are PyTorch's`, async () => {
      const parameters = await trainable(golden, start);
      const session = await openSession(trainingGraph(training(golden, start)), golden.session);
      for (const length of lengths) {
        const batch = examplesOf(reference.cases[length]);
        // Gradients of repeated tokens meet in one row of the embedding: where a scatter could race between threads.
        assert(batch.some(({ source }) => new Set(source).size < source.length));
        const { loss, gradients } = await accumulated(session, config, parameters, [batch]);
        close(loss, reference.loss[length][start], tolerance, `${length} loss`);
        const prefix = `${prefixOf(length)}grad.${start === 'base' ? 'full' : start}.`;
        const names = [...tensors.keys()].filter((name) => name.startsWith(prefix));
        assert.deepEqual([...gradients.keys()].map((name) => prefix + name).sort(), names.sort());
        for (const [name, { shape, data }] of gradients) {
          const expected = tensors.get(prefix + name)!;
          assert.deepEqual(shape, expected.shape);
          const error = relativeError(data, expected.data);
          assert(error <= tolerance, `${length}, ${name}: relative error ${error}`);
        }
      }
    });
  }

  for (const [kind, start] of [
    ['lora', 'adapter'],
    ['lora-all', 'adapter-all'],
    ['full', 'base'],
  ] as const) {
    test(`${version}, ${kind}: 50 steps of AdamW lose what PyTorch's do`, async () => {
      const { optimizer: settings, microBatches, [kind]: expected } = reference.training;
      const parameters = await trainable(golden, start);
      const session = await openSession(trainingGraph(training(golden, start)), golden.session);
      const optimizer = adamW(parameters, settings);
      const batches = microBatches.map(examplesOf);
      assert.equal(settings.totalSteps, 50);
      for (let step = 0; step < settings.totalSteps; step++) {
        const micro = [batches[(2 * step) % 4]!, batches[(2 * step + 1) % 4]!];
        const { loss, gradients } = await accumulated(session, config, parameters, micro);
        const norm = clip(gradients, settings.maxGradNorm);
        const factor = scheduleFactor('linear', step, settings.totalSteps, settings.warmupSteps);
        const learningRate = settings.learningRate * factor;
        optimizer.step(gradients, learningRate);
        close(loss, expected.loss[step]!, 1e-3, `loss of step ${step}`);
        close(norm, expected.gradNorm[step]!, 1e-3, `gradient norm of step ${step}`);
        assert.equal(learningRate, expected.learningRate[step]);
      }
    });
  }

  for (const start of ['base', 'adapter'] as const) {
    test(`${version}, ${start}: greedy summaries are those of transformers, token for token`, async () => {
      const reader = await reading(golden, start);
      const { maxNewTokens, [start]: expected } = reference.generation;
      const memory = await encode(reader, examplesOf(reference.cases.short));
      const decoding = { ...greedyDecoding, maxTokens: maxNewTokens };
      assert.deepEqual(await generate(reader, memory, decoding), expected);
    });
  }
}

/** Rows of ours [batch·T padded, V] and theirs [batch, T, V] that have a label: behind them the decoder reads padding. */
function labelled(
  ours: Float32Array,
  { shape, data: theirs }: { shape: number[]; data: Float32Array },
  batch: readonly Encoded[],
): [number[], number[]] {
  const [rows, width, vocabulary] = shape as [number, number, number];
  const padded = ours.length / rows / vocabulary;
  const rowsOf = (data: Float32Array, stride: number) =>
    batch.flatMap(({ target }, row) => [
      ...data.subarray(row * stride * vocabulary, (row * stride + target.length) * vocabulary),
    ]);
  return [rowsOf(ours, padded), rowsOf(theirs, width)];
}
