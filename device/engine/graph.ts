import assert from 'node:assert/strict';
import type { Attributes, Constant, ElementType, Held, Node, Value, Weight } from './description.js';
import { broadcast, type Dim, lastTwo, permuted, reduced, type Shape } from './shapes.js';
import type { Layer, Step } from './tape.js';

export type * from './description.js';
export type * from './tape.js';

type Build = () => readonly Value[];

/**
 * An ONNX graph under construction. Every method adds one operation and answers with its output, shape known; the
 * order of calls is an order of execution. Which operations exist here is what the engine may use.
 */
export class Graph {
  readonly nodes: Node[] = [];
  readonly tape: Step[] = [];
  readonly layers: Layer[] = [];
  readonly outputs: { value: Value; name: string }[] = [];
  readonly inputs: Value[];
  readonly constants: Constant[] = [];
  readonly weights: Weight[];
  readonly helds: Held[];
  /** What the body of a `Scan` is given each time. */
  readonly items: Value[] = [];
  readonly #names: { count: number };
  #recording = true;
  #scalars = new Map<string, Value>();

  /** @param outer the graph that this is a branch of: its inputs and weights are one with it */
  constructor(outer?: Graph) {
    this.inputs = outer?.inputs ?? [];
    this.weights = outer?.weights ?? [];
    this.helds = outer?.helds ?? [];
    this.#names = outer ? outer.#names : { count: 0 };
  }

  /** An input; where a branch has asked for it before, the same one. */
  input(name: string, shape: Shape, type: ElementType = 'float32'): Value {
    const known = this.inputs.find((value) => value.name === name);
    if (known) return known;
    const value = { name, type, shape };
    this.inputs.push(value);
    return value;
  }

  output(name: string, value: Value): void {
    this.outputs.push({ name, value });
  }

  /** A frozen tensor in a file; half-precision ones are widened when the session is made. */
  weight(name: string, shape: readonly number[], type: ElementType, where: Omit<Weight, 'value'>): Value {
    const known = this.weights.find(({ value }) => value.name === name);
    const value: Value = known?.value ?? { name, type, shape };
    if (!known) this.weights.push({ value, ...where });
    return type === 'float32' ? value : this.#one('Cast', [value], shape, { to: 1 });
  }

  /** A frozen tensor in memory. */
  held(name: string, shape: readonly number[], type: ElementType, data: Held['data']): Value {
    const known = this.helds.find(({ value }) => value.name === name);
    const value: Value = known?.value ?? { name, type, shape };
    if (!known) this.helds.push({ value, data });
    return value;
  }

  floats(data: readonly number[], shape: readonly number[] = []): Value {
    return this.#constant(Float32Array.from(data), shape, 'float32');
  }

  integers(data: readonly number[], shape: readonly number[] = [data.length]): Value {
    return this.#constant(BigInt64Array.from(data, BigInt), shape, 'int64');
  }

  scalar(x: number): Value {
    return this.floats([x]);
  }

  // --- element-wise, with broadcasting
  add = (a: Value, b: Value) => this.#one('Add', [a, b], broadcast(a.shape, b.shape));
  sub = (a: Value, b: Value) => this.#one('Sub', [a, b], broadcast(a.shape, b.shape));
  mul = (a: Value, b: Value) => this.#one('Mul', [a, b], broadcast(a.shape, b.shape));
  exp = (x: Value) => this.#one('Exp', [x], x.shape);
  log = (x: Value) => this.#one('Log', [x], x.shape);
  sigmoid = (x: Value) => this.#one('Sigmoid', [x], x.shape);
  /** x/2·(1 + tanh(√(2/π)(x + 0.044715x³))) */
  gelu = (x: Value) => this.#one('Gelu', [x], x.shape, { approximate: 'tanh' });
  relu = (x: Value) => this.#one('Relu', [x], x.shape);
  sign = (x: Value) => this.#one('Sign', [x], x.shape);

  // --- shape
  /** Reshapes; in `shape` at most one size may be -1, and a name stands for the same place in x. */
  reshape(x: Value, shape: readonly (Dim | -1)[], flat?: Dim): Value {
    const literal = shape.map((dim, i) => {
      if (typeof dim === 'number') return dim;
      assert(x.shape[i] === dim, `reshape of ${x.shape} to ${shape}`);
      return 0;
    });
    return this.#one(
      'Reshape',
      [x, this.integers(literal)],
      shape.map((dim) => (dim === -1 ? (flat ?? '?') : dim)),
    );
  }

  /** Reshapes x to the shape that `like` has when the graph runs. */
  reshapeLike = (x: Value, like: Value) => this.#one('Reshape', [x, this.shapeOf(like)], like.shape);
  /** [..., n] → [product of the others, n] */
  flatten = (x: Value) =>
    x.shape.length === 2
      ? x
      : this.reshape(x, [-1, x.shape.at(-1)!] as number[], x.shape.slice(0, -1).join('*'));
  transpose = (x: Value, perm: readonly number[]) =>
    this.#one('Transpose', [x], permuted(x.shape, perm), { perm });
  unsqueeze(x: Value, axes: readonly number[]): Value {
    const shape = [...x.shape];
    for (const axis of axes) shape.splice(axis, 0, 1);
    return this.#one('Unsqueeze', [x, this.integers(axes)], shape);
  }
  /** Sizes of x from axis `start` to `end`, that not included. */
  shapeOf = (x: Value, start = 0, end = x.shape.length) =>
    this.#one('Shape', [x], [end - start], start > 0 || end < x.shape.length ? { start, end } : {}, 'int64');
  expandLike = (x: Value, like: Value) => this.#one('Expand', [x, this.shapeOf(like)], like.shape);
  concat = (parts: readonly Value[], axis: number, dim: Dim) =>
    this.#one(
      'Concat',
      parts,
      parts[0]!.shape.map((d, i) => (i === axis ? dim : d)),
      { axis },
    );
  /** x from one index to another along the last axis; both are [1], int64. */
  slice = (x: Value, from: Value, to: Value, dim: Dim) =>
    this.#one('Slice', [x, from, to, this.integers([-1])], [...x.shape.slice(0, -1), dim]);
  /** A matrix with more rows (axis 0) or columns (axis 1) of zeros behind its own. */
  padded(x: Value, axis: 0 | 1, more: number): Value {
    const shape = x.shape.map((dim, i) => (i === axis ? Number(dim) + more : dim));
    return this.#one('Pad', [x, this.integers([0, 0, axis === 0 ? more : 0, axis === 1 ? more : 0])], shape);
  }
  zeros = (shape: readonly number[]) => this.#one('ConstantOfShape', [this.integers(shape)], shape);

  // --- reductions over axes, which stay as size 1
  reduceSum = (x: Value, axes: readonly number[]) =>
    this.#one('ReduceSum', [x, this.integers(axes)], reduced(x.shape, axes), { keepdims: 1 });
  reduceMax = (x: Value, axes: readonly number[]) =>
    this.#one('ReduceMax', [x, this.integers(axes)], reduced(x.shape, axes), { keepdims: 1 });
  reduceMean = (x: Value, axes: readonly number[]) =>
    this.#one('ReduceMean', [x, this.integers(axes)], reduced(x.shape, axes), { keepdims: 1 });
  /** The k [1] largest along the last axis, the largest first, and where they are. */
  topK(x: Value, k: Value): [Value, Value] {
    const [name, shape] = [`TopK_${this.#names.count++}`, [...x.shape.slice(0, -1), 'k']];
    const outputs: [Value, Value] = [
      { name, type: x.type, shape },
      { name: `${name}_at`, type: 'int64', shape },
    ];
    this.nodes.push({ op: 'TopK', domain: '', inputs: [x, k], outputs, attributes: { axis: -1 } });
    return outputs;
  }

  // --- products and the operations of a transformer
  /** alpha · a′ b′ over the last two axes, either transposed first; leading axes are batch. */
  matmul(a: Value, b: Value, { transA = 0, transB = 0, alpha = 1 } = {}): Value {
    const [rows, inner] = lastTwo(a.shape, transA);
    const [innerB, columns] = lastTwo(b.shape, transB);
    assert(inner === innerB, `matmul of [${a.shape}] and [${b.shape}]`);
    const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
    const attributes = { transA, transB, alpha: { float: alpha } };
    return this.#emit('FusedMatMul', [a, b], [[...batch, rows, columns]], attributes, 'com.microsoft')[0]!;
  }
  logSoftmax = (x: Value) => this.#one('LogSoftmax', [x], x.shape, { axis: -1 });
  /** x Wᵀ for W [out, in] in blocks of few bits: numbers, scales [out, in / block] and zeros. */
  matmulBits(x: Value, w: readonly Value[], how: { bits: number; block: number; level: number }): Value {
    const [rows, blocks] = w[1]!.shape as [number, number];
    assert(x.shape.at(-1) === blocks * how.block, `matmulBits of [${x.shape}] and [${w[1]!.shape}] blocks`);
    const attributes = {
      ...{ N: rows, K: blocks * how.block },
      ...{ bits: how.bits, block_size: how.block, accuracy_level: how.level },
    };
    const shape = [...x.shape.slice(0, -1), rows];
    return this.#emit('MatMulNBits', [x, ...w], [shape], attributes, 'com.microsoft')[0]!;
  }
  /** (q − zero) · scale in blocks along the rows of a matrix. */
  dequantized = (w: readonly Value[], block: number) =>
    this.#emit('DequantizeLinear', w, [w[0]!.shape], { axis: 1, block_size: block })[0]!;
  softmax = (x: Value) => this.#one('Softmax', [x], x.shape, { axis: -1 });
  /** x / rms(x) · weight over the last axis (T5's layer norm); the second output is 1 / rms. */
  rmsNorm(x: Value, weight: Value, epsilon: number): Value {
    const shapes = [x.shape, [...x.shape.slice(0, -1), 1]];
    return this.#emit('SimplifiedLayerNormalization', [x, weight], shapes, {
      axis: -1,
      epsilon: { float: epsilon },
    })[0]!;
  }
  /** Negative log-likelihood of each label: [N, V], [N] → [N]; the second output is log softmax. */
  crossEntropy = (logits: Value, labels: Value) =>
    this.#emit('SoftmaxCrossEntropyLoss', [logits, labels], [labels.shape, logits.shape], {
      reduction: 'none',
    })[0]!;
  /** Rows of a table: [V, d] at [...] → [..., d] */
  gather = (table: Value, indices: Value) =>
    this.#one('Gather', [table, indices], [...indices.shape, ...table.shape.slice(1)], { axis: 0 });
  /** One element of each of the first rows of x: [N, V], indices [n, 1] → [n, 1] */
  pick = (x: Value, indices: Value) => this.#one('GatherElements', [x, indices], indices.shape, { axis: 1 });
  /** Adds `updates` to `data` at `indices` along an axis. Serial in the CPU provider, unlike ScatterND, which races. */
  scatterAdd = (data: Value, indices: Value, updates: Value, axis: number) =>
    this.#one('ScatterElements', [data, indices, updates], data.shape, { axis, reduction: 'add' });

  /** Runs one of two branches of this graph, by an int64 of one element; the values of their outputs, by name. */
  choose(condition: Value, whenSet: Graph, otherwise: Graph): { name: string; value: Value }[] {
    const isSet = this.#one('Cast', [condition], condition.shape, { to: 9 }, 'bool');
    const outputs = whenSet.outputs.map(({ name, value }, i) => {
      const other = otherwise.outputs[i]!;
      assert(name === other.name && value.type === other.value.type, `${name} is no output of both`);
      const shape = value.shape.map((dim, at) => (dim === other.value.shape[at] ? dim : `${name}.${at}`));
      return { name, value: { ...value, name: `If_${this.#names.count++}`, shape } };
    });
    const branches = { then_branch: whenSet, else_branch: otherwise };
    const values = outputs.map(({ value }) => value);
    this.nodes.push({ op: 'If', domain: '', inputs: [isSet], outputs: values, attributes: {}, branches });
    return outputs;
  }

  /** Runs `build` for each item along x's first axis, one after another: the answers of all, [n, ...]. No gradient. */
  each(x: Value, build: (body: Graph, item: Value) => readonly Value[]): Value[] {
    const body = new Graph(this);
    const item: Value = { name: `item_${this.#names.count++}`, type: x.type, shape: x.shape.slice(1) };
    body.items.push(item);
    for (const [i, value] of build(body, item).entries()) body.output(`${i}`, value);
    const outputs = body.outputs.map(({ value: { type, shape } }) => ({
      name: `Scan_${this.#names.count++}`,
      type,
      shape: [x.shape[0]!, ...shape],
    }));
    const attributes = { num_scan_inputs: 1 };
    this.nodes.push({ op: 'Scan', domain: '', inputs: [x], outputs, attributes, branches: { body } });
    return outputs;
  }

  /** Runs `build`, whose nodes act as one step with the first of its values as output and a gradient rule of its own. */
  composite(op: string, inputs: readonly Value[], build: Build, attributes: Attributes = {}): Value {
    const outputs = this.unrecorded(build);
    if (this.#recording) this.tape.push({ op, inputs, outputs, attributes });
    return outputs[0]!;
  }

  /** Runs `build` on x; what it makes may be made again for the backward pass. */
  layer(input: Value, build: (x: Value) => Value): Value {
    const [nodes, steps] = [this.nodes.length, this.tape.length];
    const output = build(input);
    this.layers.push({ input, nodes: this.nodes.slice(nodes), steps: this.tape.slice(steps) });
    return output;
  }

  /** The same operation on other inputs. */
  again(node: Node, inputs: readonly Value[]): Value[] {
    const outputs = node.outputs.map((value) => ({ ...value, name: `${node.op}_${this.#names.count++}` }));
    this.nodes.push({ ...node, inputs, outputs });
    return outputs;
  }

  /** Runs `build`, whose nodes have no gradient. */
  unrecorded<T>(build: () => T): T {
    const before = this.#recording;
    this.#recording = false;
    const built = build();
    this.#recording = before;
    return built;
  }

  #one(op: string, inputs: readonly Value[], shape: Shape, attributes: Attributes = {}, type?: ElementType) {
    const made = op === 'Cast' || op === 'ConstantOfShape' ? 'float32' : inputs[0]!.type;
    return this.#emit(op, inputs, [shape], attributes, '', type ?? made)[0]!;
  }

  #emit(
    op: string,
    inputs: readonly Value[],
    shapes: readonly Shape[],
    attributes: Attributes = {},
    domain: Node['domain'] = '',
    type: ElementType = 'float32',
  ): Value[] {
    const outputs = shapes.map((shape) => ({ name: `${op}_${this.#names.count++}`, type, shape }));
    const node = { op, domain, inputs, outputs, attributes };
    this.nodes.push(node);
    if (this.#recording) this.tape.push(node);
    return outputs;
  }

  #constant(data: Constant['data'], shape: readonly number[], type: ElementType): Value {
    const key = `${type} ${shape} ${data}`;
    const known = this.#scalars.get(key);
    if (known) return known;
    const value: Value = { name: `constant_${this.#names.count++}`, type, shape };
    this.constants.push({ value, data });
    this.#scalars.set(key, value);
    return value;
  }
}
