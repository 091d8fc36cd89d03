import type { Lora } from '../../schemas/messages.js';
import { type T5Config, tensorShapes } from './config.js';
import { gradients } from './gradients.js';
import { type ElementType, Graph, type Value } from './graph.js';
import { adaptedModules, matrixNames } from './lora.js';
import { crossKeysValues, decoder, encoder, head, type KeysValues, type T5Parts } from './t5.js';
import type { WeightIndex } from './weights.js';

/** What an engine's graphs are made from. */
export interface Blueprint {
  config: T5Config;
  weights: WeightIndex;
  /** Adapter tensors are inputs of the graph. */
  lora?: Lora | undefined;
  /** Every weight is an input of the graph, and none is read from the files. */
  open?: boolean;
}

const elementTypes: Record<string, ElementType> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

/** The parts of a T5 over a blueprint: weights and adapter matrices become values when they are first asked for. */
function partsOf(
  g: Graph,
  { config, weights, lora, open }: Blueprint,
): T5Parts & { inputs: Map<string, Value> } {
  const inputs = new Map<string, Value>();
  const known = new Map<string, Value>();
  const shapes = tensorShapes(config);
  const adapted = lora ? adaptedModules(config, lora) : new Map<string, [number, number]>();
  const once = (names: Map<string, Value>, name: string, make: () => Value) => {
    const value = names.get(name) ?? make();
    names.set(name, value);
    return value;
  };
  const tensor = (name: string) => {
    const shape = shapes.get(name)!;
    if (open) return once(inputs, name, () => g.input(name, shape));
    const { file, begin, end, dtype } = weights.get(name)!;
    return once(known, name, () =>
      g.weight(name, shape, elementTypes[dtype]!, { file, offset: begin, bytes: end - begin }),
    );
  };
  const linear = (module: string, x: Value) => {
    const base = g.matmul(x, tensor(`${module}.weight`), { transB: 1 });
    const size = adapted.get(module);
    if (!lora || !size) return base;
    const [nameA, nameB] = matrixNames(module);
    const a = once(inputs, nameA, () => g.input(nameA, [lora.rank, size[1]]));
    const b = once(inputs, nameB, () => g.input(nameB, [size[0], lora.rank]));
    return g.add(
      base,
      g.matmul(g.matmul(x, a, { transB: 1 }), b, { transB: 1, alpha: lora.alpha / lora.rank }),
    );
  };
  return { g, config, tensor, linear, inputs };
}

const ids = (g: Graph, name: string, length: string) => g.input(name, ['B', length], 'int64');
const sourceMask = (g: Graph) => g.input('sourceMask', ['B', 1, 1, 'S']);
const sourcePositions = (g: Graph, mask: Value) => ({
  buckets: g.input('sourceBuckets', ['S', 'S'], 'int64'),
  mask,
});
const targetPositions = (g: Graph) => ({
  buckets: g.input('targetBuckets', ['T', 'T'], 'int64'),
  mask: g.input('causalMask', [1, 1, 'T', 'T']),
});

/** Σ weight · −log p(label): with weights 1 / (label tokens), the mean over all that are not padding. */
function weightedLoss(parts: T5Parts, hidden: Value): { loss: Value; logits: Value } {
  const { g } = parts;
  const logits = head(parts, hidden);
  const labels = g.input('labels', ['B*T'], 'int64');
  const nll = g.crossEntropy(logits, labels);
  return { loss: g.reduceSum(g.mul(nll, g.input('labelWeights', ['B*T'])), [0]), logits };
}

/**
 * One training step: source, target and labels in, `loss` and `d:<name>` for each trained tensor out. Trained is the
 * adapter, or all weights where the blueprint is open.
 */
export function trainingGraph(blueprint: Blueprint): Graph {
  const g = new Graph();
  const parts = partsOf(g, blueprint);
  const mask = sourceMask(g);
  const memory = encoder(parts, ids(g, 'source', 'S'), sourcePositions(g, mask));
  const hidden = decoder(
    parts,
    ids(g, 'target', 'T'),
    targetPositions(g),
    crossKeysValues(parts, memory),
    mask,
  );
  const { loss } = weightedLoss(parts, hidden);
  g.output('loss', loss);
  const names = [...parts.inputs.keys()];
  for (const [i, gradient] of gradients(g, loss, [...parts.inputs.values()]).entries())
    g.output(`d:${names[i]}`, gradient);
  return g;
}

/** Source → the decoder's keys and values over it: `crossKeys.<block>`, `crossValues.<block>`. */
export function encodingGraph(blueprint: Blueprint): Graph {
  const g = new Graph();
  const parts = partsOf(g, blueprint);
  const memory = encoder(parts, ids(g, 'source', 'S'), sourcePositions(g, sourceMask(g)));
  outputKeysValues(g, 'cross', crossKeysValues(parts, memory));
  return g;
}

/** Target and labels over encoded sources → `loss`, `logits` [B*T, V] (which costs nothing unless it is asked for). */
export function scoringGraph(blueprint: Blueprint, withLogits = false): Graph {
  const g = new Graph();
  const parts = partsOf(g, blueprint);
  const hidden = decoder(
    parts,
    ids(g, 'target', 'T'),
    targetPositions(g),
    crossInputs(g, blueprint),
    sourceMask(g),
  );
  const { loss, logits } = weightedLoss(parts, hidden);
  g.output('loss', loss);
  if (withLogits) g.output('logits', logits);
  return g;
}

/** One token of each sequence, P tokens in the cache → the most likely `next` token and the cache of P + 1. */
export function stepGraph(blueprint: Blueprint): Graph {
  const g = new Graph();
  const parts = partsOf(g, blueprint);
  const buckets = g.input('stepBuckets', [1, 'P+1'], 'int64');
  const caches: KeysValues[] = [];
  const extend = (block: number, fresh: KeysValues) => {
    const cache = {
      keys: g.concat([cacheInput(g, blueprint, `pastKeys.${block}`, 'P'), fresh.keys], 2, 'P+1'),
      values: g.concat([cacheInput(g, blueprint, `pastValues.${block}`, 'P'), fresh.values], 2, 'P+1'),
    };
    caches.push(cache);
    return cache;
  };
  const token = g.input('token', ['B', 1], 'int64');
  const hidden = decoder(parts, token, { buckets }, crossInputs(g, blueprint), sourceMask(g), extend);
  g.output('next', g.argMax(head(parts, hidden)));
  outputKeysValues(g, 'grown', caches);
  return g;
}

const cacheInput = (g: Graph, { config }: Blueprint, name: string, positions: string) =>
  g.input(name, ['B', config.heads, positions, config.dKv]);

function crossInputs(g: Graph, blueprint: Blueprint): KeysValues[] {
  return Array.from({ length: blueprint.config.decoderLayers }, (_, block) => ({
    keys: cacheInput(g, blueprint, `crossKeys.${block}`, 'S'),
    values: cacheInput(g, blueprint, `crossValues.${block}`, 'S'),
  }));
}

function outputKeysValues(g: Graph, of: string, all: readonly KeysValues[]): void {
  for (const [block, { keys, values }] of all.entries()) {
    g.output(`${of}Keys.${block}`, keys);
    g.output(`${of}Values.${block}`, values);
  }
}
