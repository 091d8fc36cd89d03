import type { EngineOptions } from '../../schemas/engine-settings.js';
import type { Attributes, Constant, Description, Node, Shape, Value } from './graph.js';

export type Provider = EngineOptions['provider'];

/** Writes nodes that give a node's outputs by other means than its own operation. */
type Lowering = (to: Emitter, node: Node) => void;

/** What a provider lacks, does wrong or does slowly, and what it gets instead. Other operations stay as they are. */
const lowerings: Readonly<Record<Provider, Readonly<Record<string, Lowering>>>> = {
  cpu: {},
  webgpu: {
    FusedMatMul: product, // Not there: it would run on the CPU, its operands copied there and back.
    SimplifiedLayerNormalization: rmsNorm, // Its second output, 1 / rms, stays zero.
    Sign: sign, // Not there.
    SoftmaxCrossEntropyLoss: crossEntropy, // Not there, nor is LogSoftmax, which the runtime makes of it.
  },
  cuda: {},
};

/** The operations that a provider does not get to see. */
export const loweredOps = (provider: Provider): readonly string[] => Object.keys(lowerings[provider]);

/** The same graph in the operations that a provider runs well: same inputs, weights and outputs. */
export function lowered<T extends Description>(graph: T, provider: Provider, at = 'lowered'): T {
  const rules = lowerings[provider];
  if (Object.keys(rules).length === 0) return graph;
  const to = emitter(at);
  for (const node of graph.nodes) {
    const rule = rules[node.op];
    if (rule) rule(to, node);
    else if (node.branches) to.nodes.push({ ...node, branches: loweredBranches(node, provider) });
    else to.nodes.push(node);
  }
  return { ...graph, nodes: to.nodes, constants: [...graph.constants, ...to.constants] };
}

const loweredBranches = ({ branches = {}, outputs }: Node, provider: Provider) =>
  Object.fromEntries(
    Object.entries(branches).map(([name, graph]) => [
      name,
      lowered(graph, provider, `${outputs[0]!.name}.${name}`),
    ]),
  );

/**
 * alpha · a′ b′. Rows times a transposed weight is a Gemm, which reads the weight where it lies; everything else is a
 * MatMul, whose operands are transposed first. The fewer kernels a graph needs, the sooner its first step is done.
 */
function product(to: Emitter, { inputs, outputs, attributes }: Node): void {
  const [a, b] = inputs as [Value, Value];
  const y = outputs[0]!;
  const { transA, transB, alpha } = attributes as {
    transA: number;
    transB: number;
    alpha: { float: number };
  };
  const [inner, columns] = [a.shape.at(transA ? -2 : -1)!, y.shape.at(-1)!];
  const smallerFirst = typeof inner === 'number' && typeof columns === 'number' && inner < columns;
  const scaled = (x: Value, out?: Value) => to.scaled(x, alpha.float, out);
  const left = smallerFirst ? scaled(a) : a;
  const put = (op: string, operands: readonly Value[], attributes: Attributes = {}) => {
    if (smallerFirst || alpha.float === 1) to.put(op, operands, [y], attributes);
    else scaled(to.one(op, operands, y.shape, attributes), y);
  };
  if (b.shape.length > 2 || transA || !transB || typeof inner !== 'number' || typeof columns !== 'number') {
    put('MatMul', [transA ? to.transposed(left) : left, transB ? to.transposed(b) : b]);
  } else if (a.shape.length === 2) {
    put('Gemm', [left, b], { transB });
  } else {
    const rows = to.one('Reshape', [left, to.integers([-1, inner])], ['?', inner]);
    const flat = to.one('Gemm', [rows, b], ['?', columns], { transB });
    const batch = to.one('Shape', [a], [a.shape.length - 1], { start: 0, end: -1 }, 'int64');
    const shape = to.one('Concat', [batch, to.integers([columns])], [a.shape.length], { axis: 0 }, 'int64');
    put('Reshape', [flat, shape]);
  }
}

/** y by the operation itself, r = 1 / √(mean(x²) + ε) by parts, for the backward pass. */
function rmsNorm(to: Emitter, { inputs, outputs, attributes }: Node): void {
  const [x] = inputs as [Value];
  const [y, r] = outputs as [Value, Value];
  to.put('SimplifiedLayerNormalization', inputs, [y], attributes);
  const squares = to.one('Mul', [x, x], x.shape);
  const mean = to.one('ReduceMean', [squares, to.integers([-1])], r.shape, { keepdims: 1 });
  const { float: epsilon } = attributes.epsilon as { float: number };
  const sum = to.one('Add', [mean, to.scalar(epsilon)], r.shape);
  to.put('Reciprocal', [to.one('Sqrt', [sum], r.shape)], [r]);
}

/** log softmax as z − log Σ exp z with z = x − max x, and its negative at each label. */
function crossEntropy(to: Emitter, { inputs, outputs }: Node): void {
  const [logits, labels] = inputs as [Value, Value];
  const [nll, logSoftmax] = outputs as [Value, Value];
  const row: Shape = [logits.shape[0]!, 1];
  const axis = to.integers([-1]);
  const z = to.one('Sub', [logits, to.one('ReduceMax', [logits, axis], row, { keepdims: 1 })], logits.shape);
  const sum = to.one('ReduceSum', [to.one('Exp', [z], logits.shape), axis], row, { keepdims: 1 });
  to.put('Sub', [z, to.one('Log', [sum], row)], [logSoftmax]);
  const column = to.one('Reshape', [labels, to.integers([-1, 1])], row, {}, 'int64');
  const picked = to.one('GatherElements', [logSoftmax, column], row, { axis: 1 });
  to.put('Neg', [to.one('Reshape', [picked, to.integers([-1])], nll.shape)], [nll]);
}

/** 1 where x is above 0, −1 where it is below. */
function sign(to: Emitter, { inputs, outputs }: Node): void {
  const [x] = inputs as [Value];
  const holds = (op: string) =>
    to.one('Cast', [to.one(op, [x, to.scalar(0)], x.shape, {}, 'bool')], x.shape, { to: 1 });
  to.put('Sub', [holds('Greater'), holds('Less')], outputs);
}

interface Emitter {
  nodes: Node[];
  constants: Constant[];
  /** Adds a node that gives these values. */
  put(op: string, inputs: readonly Value[], outputs: readonly Value[], attributes?: Attributes): void;
  /** Adds a node with a new value as its output. */
  one(
    op: string,
    inputs: readonly Value[],
    shape: Shape,
    attributes?: Attributes,
    type?: Value['type'],
  ): Value;
  /** The last two axes swapped. */
  transposed(x: Value): Value;
  /** factor · x, in `out` where it is given. */
  scaled(x: Value, factor: number, out?: Value): Value;
  integers(data: readonly number[]): Value;
  scalar(x: number): Value;
}

/** `at` sets a graph's names apart from those of the graphs in it. */
function emitter(at: string): Emitter {
  const nodes: Node[] = [];
  const constants = new Map<string, Constant>();
  const constant = (shape: Shape, data: Constant['data'], type: Value['type']) => {
    const key = `${type} ${data}`;
    const value = { name: `${at}.constant_${constants.size}`, type, shape };
    const known = constants.get(key) ?? { value, data };
    constants.set(key, known);
    return known.value;
  };
  return {
    nodes,
    get constants() {
      return [...constants.values()];
    },
    put(op, inputs, outputs, attributes = {}) {
      nodes.push({ op, domain: '', inputs, outputs, attributes });
    },
    one(op, inputs, shape, attributes = {}, type = 'float32') {
      const value = { name: `${at}.${op}_${nodes.length}`, type, shape };
      this.put(op, inputs, [value], attributes);
      return value;
    },
    transposed(x) {
      const axes = x.shape.map((_, axis) => axis);
      const perm = [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!];
      return this.one(
        'Transpose',
        [x],
        perm.map((axis) => x.shape[axis]!),
        { perm },
      );
    },
    scaled(x, factor, out) {
      if (factor === 1 && !out) return x;
      if (!out) return this.one('Mul', [x, this.scalar(factor)], x.shape);
      this.put('Mul', [x, this.scalar(factor)], [out]);
      return out;
    },
    integers: (data) => constant([data.length], BigInt64Array.from(data, BigInt), 'int64'),
    scalar: (x) => constant([], Float32Array.of(x), 'float32'),
  };
}
