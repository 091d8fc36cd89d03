import { random } from '../../schemas/random.js';
import { type Encoded, labelTokens, sourceFeeds, targetFeeds } from './batches.js';
import { type T5Config, tensorShapes } from './config.js';
import type { Description } from './graph.js';
import { adapterShapes } from './lora.js';
import type { Feeds } from './session.js';
import { trainingGraph } from './training-graph.js';
import type { WeightIndex } from './weights.js';

/** A training step with all that it is fed. */
export interface SmallStep {
  graph: Description;
  feeds: Feeds;
}

/** Sizes are multiples of 4, as a model's are: providers have kernels of their own for them. */
const smallModel = {
  vocabSize: 64,
  dModel: 32,
  dKv: 16,
  dFf: 64,
  heads: 2,
  encoderLayers: 1,
  decoderLayers: 1,
  buckets: 8,
  maxDistance: 16,
  epsilon: 1e-6,
  padId: 0,
  eosId: 1,
  startId: 0,
};

/** Padding in both, tokens that come again. */
const smallBatch: readonly Encoded[] = [
  { source: [7, 7, 9, 30, 41, 9, 12, 63, 2, 1], target: [5, 9, 5, 60, 1] },
  { source: [8, 20, 7, 1], target: [33, 33, 33, 2, 17, 40, 9, 1] },
];

/**
 * One step of each kind that the engine can be asked for, of a small random model like this one: every linear module's
 * adapter over frozen weights, and every weight.
 */
export function smallSteps(model: Pick<T5Config, 'gated' | 'tied'>): SmallStep[] {
  const config: T5Config = { ...smallModel, gated: model.gated, tied: model.tied };
  const targets = ['q', 'k', 'v', 'o', 'wo', ...(config.gated ? ['wi_0', 'wi_1'] : ['wi'])];
  const lora = { rank: 8, alpha: 12, targets };
  const shapes = tensorShapes(config);
  return [
    {
      graph: inMemory(trainingGraph({ config, weights: nowhere(shapes), lora })),
      trained: adapterShapes(config, lora),
    },
    { graph: trainingGraph({ config, weights: new Map(), open: true }), trained: shapes },
  ].map(({ graph, trained }) => ({
    graph,
    feeds: {
      ...sourceFeeds(config, smallBatch),
      ...targetFeeds(config, smallBatch, labelTokens(smallBatch)),
      ...Object.fromEntries(
        [...trained].map(([name, shape]) => [name, { shape, data: numbers(name, shape) }]),
      ),
    },
  }));
}

const nowhere = (shapes: Map<string, number[]>): WeightIndex =>
  new Map([...shapes].map(([name, shape]) => [name, { dtype: 'F32', shape, begin: 0, end: 0, file: '' }]));

/** The graph with random numbers where it has weights in files. */
const inMemory = (graph: Description): Description => ({
  ...graph,
  weights: [],
  constants: [
    ...graph.constants,
    ...graph.weights.map(({ value }) => ({ value, data: numbers(value.name, value.shape as number[]) })),
  ],
});

/** Matrices of variance 1 / width; norms about 1. */
function numbers(name: string, shape: number[]): Float32Array {
  const next = random(name);
  const [middle, spread] = shape.length === 1 ? [1, 0.5] : [0, Math.sqrt(3 / shape.at(-1)!)];
  const size = shape.reduce((a, b) => a * b, 1);
  return Float32Array.from({ length: size }, () => middle + spread * (2 * next() - 1));
}
