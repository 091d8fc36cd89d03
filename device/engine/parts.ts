import type { Lora } from '../../schemas/messages.js';
import { type T5Config, tensorShapes } from './config.js';
import { type DropoutRates, dropper } from './dropout.js';
import { type FrozenWeights, frozenProduct } from './frozen.js';
import type { ElementType, Graph, Value } from './graph.js';
import { adaptedModules, matrixNames } from './lora.js';
import type { T5Parts } from './t5.js';
import type { WeightIndex } from './weights.js';

/** What an engine's graphs are made from. */
export interface Blueprint {
  config: T5Config;
  weights: WeightIndex;
  /** Adapter tensors are inputs of the graph. */
  lora?: Lora | undefined;
  /** Those in few bits, used instead of those in the files. */
  frozen?: FrozenWeights | undefined;
  /** Every weight is an input of the graph, and none is read from the files. */
  open?: boolean;
  /** What training drops; reading drops nothing. */
  dropout?: DropoutRates;
  /** Rows of the feed-forward's inner width keep off each other's cache lines, at the price of copies of its weights. */
  spread?: boolean;
  /** Training keeps of each layer only its input and runs the layer again for its gradient. */
  recompute?: boolean;
}

const elementTypes: Record<string, ElementType> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

/**
 * A product reads a dozen rows of x at a time. Where they are a multiple of 4 KiB apart they meet in one set of the
 * first cache, which holds 8 lines: 200 GFLOP/s instead of 222. A few columns of zeros move them apart.
 */
const setBytes = 4096;
const spreadFloats = 8;

/** The parts of a T5 over a blueprint: weights and adapter matrices become values when they are first asked for. */
export function partsOf(
  g: Graph,
  { config, weights, frozen, lora, open, dropout, spread }: Blueprint,
): T5Parts & { inputs: Map<string, Value> } {
  const inputs = new Map<string, Value>();
  const known = new Map<string, Value>();
  const shapes = tensorShapes(config);
  const adapted = lora ? adaptedModules(config, lora) : undefined;
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
  const meets = (config.dFf * 4) % setBytes === 0;
  const inner = /\.DenseReluDense\.(wi(?:_[01])?|wo)$/;
  const spreads = spread && meets && ![...(adapted?.keys() ?? [])].some((module) => inner.test(module));
  const matrix = (module: string) => {
    const name = `${module}.weight`;
    const side = spreads && inner.exec(module)?.[1];
    if (!side) return tensor(name);
    return once(known, `${name} spread`, () => g.padded(tensor(name), side === 'wo' ? 1 : 0, spreadFloats));
  };
  const dropInput = dropper(g, 'adapter', dropout);
  const linear = (module: string, x: Value) => {
    const few = open ? undefined : frozen?.get(module);
    const base = few ? frozenProduct(g, module, few, x) : g.matmul(x, matrix(module), { transB: 1 });
    const adapter = adapted?.get(module);
    if (!adapter) return base;
    const [nameA, nameB] = matrixNames(module);
    const a = once(inputs, nameA, () => g.input(nameA, [adapter.rank, adapter.in]));
    const b = once(inputs, nameB, () => g.input(nameB, [adapter.out, adapter.rank]));
    return g.add(
      base,
      g.matmul(g.matmul(dropInput(module, x), a, { transB: 1 }), b, {
        transB: 1,
        alpha: adapter.scale,
      }),
    );
  };
  return { g, config, tensor, linear, drop: dropper(g, 'model', dropout), inputs };
}

export const ids = (g: Graph, name: string, length: string) => g.input(name, ['B', length], 'int64');
export const sourceMask = (g: Graph) => g.input('sourceMask', ['B', 1, 1, 'S']);
export const sourcePositions = (g: Graph, mask: Value) => ({
  buckets: g.input('sourceBuckets', ['S', 'S'], 'int64'),
  mask,
});
export const targetPositions = (g: Graph) => ({
  buckets: g.input('targetBuckets', ['T', 'T'], 'int64'),
  mask: g.input('causalMask', [1, 1, 'T', 'T']),
});
