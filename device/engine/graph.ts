import assert from 'node:assert/strict';

/** A size: a number, or the name of one that is known only when the graph runs ('B', 'S', 'B*S'). */
export type Dim = number | string;
export type Shape = readonly Dim[];
export type ElementType = 'float32' | 'int64' | 'float16' | 'bfloat16';

/** One edge of the graph. */
export interface Value {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: Shape;
}

export type Attribute = number | { float: number } | string | readonly number[];
export type Attributes = Readonly<Record<string, Attribute>>;

export interface Node {
  readonly op: string;
  readonly domain: '' | 'com.microsoft';
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
}

/** What the gradient walk sees: a node, or several that act as one operation with a rule of its own. */
export interface Step {
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
}

export interface Constant {
  readonly value: Value;
  readonly data: Float32Array | BigInt64Array;
}

/** A tensor that stays where it is on disk: file name in the model's folder, offset and length in bytes. */
export interface Weight {
  readonly value: Value;
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}

/** A graph as it is written for a session. */
export type Description = Pick<Graph, 'nodes' | 'inputs' | 'outputs' | 'constants' | 'weights'>;

/**
 * An ONNX graph under construction. Every method adds one operation and answers with its output, shape known; the
 * order of calls is an order of execution. Which operations exist here is what the engine may use.
 */
export class Graph {
  readonly nodes: Node[] = [];
  readonly tape: Step[] = [];
  readonly inputs: Value[] = [];
  readonly outputs: { value: Value; name: string }[] = [];
  readonly constants: Constant[] = [];
  readonly weights: Weight[] = [];
  #count = 0;
  #recording = true;
  #scalars = new Map<string, Value>();

  input(name: string, shape: Shape, type: ElementType = 'float32'): Value {
    const value = { name, type, shape };
    this.inputs.push(value);
    return value;
  }

  output(name: string, value: Value): void {
    this.outputs.push({ name, value });
  }

  /** A frozen tensor in a file; half-precision ones are widened when the session is made. */
  weight(name: string, shape: readonly number[], type: ElementType, where: Omit<Weight, 'value'>): Value {
    const value: Value = { name, type, shape };
    this.weights.push({ value, ...where });
    return type === 'float32' ? value : this.#one('Cast', [value], shape, { to: 1 });
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
  sigmoid = (x: Value) => this.#one('Sigmoid', [x], x.shape);
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
    this.#one(
      'Transpose',
      [x],
      perm.map((axis) => x.shape[axis]!),
      { perm },
    );
  unsqueeze(x: Value, axes: readonly number[]): Value {
    const shape = [...x.shape];
    for (const axis of axes) shape.splice(axis, 0, 1);
    return this.#one('Unsqueeze', [x, this.integers(axes)], shape);
  }
  shapeOf = (x: Value) => this.#one('Shape', [x], [x.shape.length], {}, 'int64');
  expandLike = (x: Value, like: Value) => this.#one('Expand', [x, this.shapeOf(like)], like.shape);
  concat = (parts: readonly Value[], axis: number, dim: Dim) =>
    this.#one(
      'Concat',
      parts,
      parts[0]!.shape.map((d, i) => (i === axis ? dim : d)),
      { axis },
    );
  zeros = (shape: readonly number[]) => this.#one('ConstantOfShape', [this.integers(shape)], shape);

  // --- reductions over axes, which stay as size 1
  reduceSum = (x: Value, axes: readonly number[]) =>
    this.#one('ReduceSum', [x, this.integers(axes)], reduced(x.shape, axes), { keepdims: 1 });
  reduceMean = (x: Value, axes: readonly number[]) =>
    this.#one('ReduceMean', [x, this.integers(axes)], reduced(x.shape, axes), { keepdims: 1 });
  argMax = (x: Value) => this.#one('ArgMax', [x], x.shape.slice(0, -1), { axis: -1, keepdims: 0 }, 'int64');

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
  /** Adds `updates` to `data` at `indices` along an axis. Serial in the CPU provider, unlike ScatterND, which races. */
  scatterAdd = (data: Value, indices: Value, updates: Value, axis: number) =>
    this.#one('ScatterElements', [data, indices, updates], data.shape, { axis, reduction: 'add' });

  /** Runs `build`, whose nodes act as one step with the first of its values as output and a gradient rule of its own. */
  composite(op: string, inputs: readonly Value[], build: () => readonly Value[]): Value {
    const outputs = this.unrecorded(build);
    if (this.#recording) this.tape.push({ op, inputs, outputs, attributes: {} });
    return outputs[0]!;
  }

  /** Runs `build`, whose nodes have no gradient. */
  unrecorded<T>(build: () => T): T {
    const before = this.#recording;
    this.#recording = false;
    const built = build();
    this.#recording = before;
    return built;
  }

  #one(
    op: string,
    inputs: readonly Value[],
    shape: Shape,
    attributes: Attributes = {},
    type?: ElementType,
  ): Value {
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
    const outputs = shapes.map((shape) => ({ name: `${op}_${this.#count++}`, type, shape }));
    const node = { op, domain, inputs, outputs, attributes };
    this.nodes.push(node);
    if (this.#recording) this.tape.push(node);
    return outputs;
  }

  #constant(data: Constant['data'], shape: readonly number[], type: ElementType): Value {
    const key = `${type} ${shape} ${data}`;
    const known = this.#scalars.get(key);
    if (known) return known;
    const value: Value = { name: `constant_${this.#count++}`, type, shape };
    this.constants.push({ value, data });
    this.#scalars.set(key, value);
    return value;
  }
}

/** The shape of a and b side by side as ONNX broadcasts them; a name meets itself or 1. */
export function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  const at = (shape: Shape, i: number) => shape[i - rank + shape.length] ?? 1;
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [at(a, i), at(b, i)];
    assert(x === y || x === 1 || y === 1, `shapes [${a}] and [${b}] don't fit`);
    return x === 1 ? y : x;
  });
}

const reduced = (shape: Shape, axes: readonly number[]) =>
  shape.map((dim, i) => (axes.some((axis) => (axis + shape.length) % shape.length === i) ? 1 : dim));

function lastTwo(shape: Shape, transposed: number): [Dim, Dim] {
  const [a, b] = shape.slice(-2) as [Dim, Dim];
  return transposed ? [b, a] : [a, b];
}
