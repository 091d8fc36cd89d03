import { random } from '../../schemas/random.js';
import { Refusal } from '../../schemas/refusal.js';
import type { NamedTensors } from '../../schemas/tensors.js';
import { type Encoded, labelTokens, sourceFeeds, targetFeeds } from './batches.js';
import { type T5Config, tensorShapes } from './config.js';
import type { Description } from './graph.js';
import { adapterShapes } from './lora.js';
import { lowered, type Provider } from './lowering.js';
import { openOnProvider, opsThatRun } from './provider.js';
import { type Placement, withPlacement } from './provider-placement.js';
import type { Feeds, Numbers, Session } from './session.js';
import { trainingGraph } from './training-graph.js';

/** What was seen of a provider before it was trusted. */
export interface ProviderCheck extends Placement {
  provider: Provider;
  /** The loss and each gradient. */
  outputs: number;
  /** The largest relative error of an output, ‖theirs − ours‖ / ‖ours‖. */
  worst: number;
  ms: number;
  /** Operations of the step, as the provider was given them. */
  ops: readonly string[];
}

type Results = Awaited<ReturnType<Session['run']>>;

/** As far as sums in another order lead apart, with room; an operation that is wrong is off by much more. */
const tolerance = 1e-3;

/**
 * Runs one training step of a small random T5, all its weights and adapters trained, on the CPU as it is and on the
 * provider as it is lowered, and compares the loss and every gradient.
 * @throws Refusal that names the first operation that disagrees, or what the provider needs to be had at all
 */
export async function checkProvider(
  provider: Provider,
  model: Pick<T5Config, 'gated' | 'tied'>,
  threads: number,
  lower: typeof lowered = lowered,
): Promise<ProviderCheck> {
  const from = performance.now();
  const { graph, feeds } = smallStep(model);
  const run = async (what: Description, where: Provider, profile?: string) => {
    const settings = { folder: '.', threads, spinning: false, ...(profile ? { profile } : {}) };
    const session = await openOnProvider(what, where, settings);
    try {
      return await session.run(feeds);
    } finally {
      await session.release();
    }
  };
  const theirs = lower(graph, provider);
  const expected = await run(graph, 'cpu');
  const { result: found, placement } = await withPlacement((profile) => run(theirs, provider, profile));
  const errors = Object.keys(expected).map(
    (name) => [name, relativeError(found[name], expected[name])] as const,
  );
  const worst = Math.max(...errors.map(([, error]) => error));
  if (!(worst <= tolerance)) {
    const open = withEveryValue(theirs);
    const culprit = firstDifference(open, await run(open, provider), await run(open, 'cpu'));
    const [output, error] = errors.find(([, e]) => !(e <= tolerance))!;
    throw disagreement(
      provider,
      culprit ?? { what: `the whole step (${output}), though no operation alone,`, error },
    );
  }
  return {
    provider,
    outputs: errors.length,
    worst,
    ms: Math.round(performance.now() - from),
    ops: opsThatRun(theirs),
    ...placement,
  };
}

function disagreement(provider: Provider, { what, error }: { what: string; error: number }): Refusal {
  return new Refusal(
    `provider ${provider}: ${what} disagrees with cpu (relative error ${error.toPrecision(2)}, ` +
      `expected at most ${tolerance}): refused; use --provider cpu`,
  );
}

/** ‖a − b‖ / ‖b‖; infinite where a is missing, of another size or no number. */
export function relativeError(a: { data: Numbers } | undefined, b: { data: Numbers } | undefined): number {
  if (!a || !b || a.data.length !== b.data.length) return Number.POSITIVE_INFINITY;
  let [difference, size] = [0, 0];
  for (let i = 0; i < b.data.length; i++) {
    const expected = Number(b.data[i]);
    difference += (Number(a.data[i]) - expected) ** 2;
    size += expected ** 2;
  }
  if (difference === 0) return 0;
  return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.sqrt(difference / size);
}

/** The graph with each value that a node makes as an output too, in the order of the nodes. */
function withEveryValue(graph: Description): Description {
  const values = graph.nodes.flatMap(({ outputs }) => outputs);
  const comparable = values.filter(({ type }) => type === 'float32' || type === 'int64');
  return { ...graph, outputs: comparable.map((value) => ({ name: `at ${value.name}`, value })) };
}

/** The first node of which an output differs: all before it agree, so its inputs do. */
function firstDifference(graph: Description, found: Results, expected: Results) {
  for (const { op, outputs } of graph.nodes) {
    for (const [i, { name }] of outputs.entries()) {
      const key = `at ${name}`;
      const error = key in expected ? relativeError(found[key], expected[key]) : 0;
      if (!(error <= tolerance)) return { what: outputs.length > 1 ? `${op}'s output ${i + 1}` : op, error };
    }
  }
  return undefined;
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

/** One step of all that can be trained: every weight, and an adapter of every linear module. */
export function smallStep(model: Pick<T5Config, 'gated' | 'tied'>): { graph: Description; feeds: Feeds } {
  const config: T5Config = { ...smallModel, gated: model.gated, tied: model.tied };
  const targets = ['q', 'k', 'v', 'o', 'wo', ...(config.gated ? ['wi_0', 'wi_1'] : ['wi'])];
  const lora = { rank: 8, alpha: 12, targets };
  const graph = trainingGraph({ config, weights: new Map(), lora, open: true });
  const shapes = [...tensorShapes(config), ...adapterShapes(config, lora)];
  const parameters: NamedTensors = new Map(
    shapes.map(([name, shape]) => [name, { shape, data: numbers(name, shape) }]),
  );
  const feeds = {
    ...sourceFeeds(config, smallBatch),
    ...targetFeeds(config, smallBatch, labelTokens(smallBatch)),
    ...Object.fromEntries(parameters),
  };
  return { graph, feeds };
}

/** Matrices of variance 1 / width; norms about 1. */
function numbers(name: string, shape: number[]): Float32Array {
  const next = random(name);
  const [middle, spread] = shape.length === 1 ? [1, 0.5] : [0, Math.sqrt(3 / shape.at(-1)!)];
  const size = shape.reduce((a, b) => a * b, 1);
  return Float32Array.from({ length: size }, () => middle + spread * (2 * next() - 1));
}
