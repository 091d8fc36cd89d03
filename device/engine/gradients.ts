import assert from 'node:assert/strict';
import { frozenGradient } from './frozen.js';
import type { Graph, Shape, Step, Value } from './graph.js';

/**
 * A rule answers with d(loss)/d(input) for each input, as graph, given dy = d(loss)/d(first output). It may answer for
 * inputs that nobody wants, and before broadcasting is undone: what leads nowhere is dropped when the graph is written.
 */
type Rule = (g: Graph, dy: Value, step: Step) => readonly (Value | undefined)[];

export const rules: Readonly<Record<string, Rule>> = {
  Add: (_g, dy) => [dy, dy],
  Sub: (g, dy) => [dy, g.mul(dy, g.scalar(-1))],
  Mul: (g, dy, { inputs: [a, b] }) => [g.mul(dy, b!), g.mul(dy, a!)],
  Exp: (g, dy, { outputs: [y] }) => [g.mul(dy, y!)], // y = exp(a) is its own derivative.
  Sigmoid: (g, dy, { outputs: [y] }) => [g.mul(dy, g.sub(y!, g.mul(y!, y!)))],
  Relu: (g, dy, { outputs: [y] }) => [g.mul(dy, g.sign(y!))],
  Reshape: (g, dy, { inputs: [x] }) => [sameShape(g, dy, x!)],
  Unsqueeze: (g, dy, { inputs: [x] }) => [sameShape(g, dy, x!)],
  Transpose: (g, dy, { attributes }) => [g.transpose(dy, inverse(attributes.perm as readonly number[]))],
  ReduceSum: (g, dy, { inputs: [x] }) => [g.expandLike(dy, x!)],
  FusedMatMul: matmulRule,
  FrozenProduct: frozenGradient,
  // p ∘ (dy − Σ p ∘ dy)
  Softmax: (g, dy, { outputs: [p] }) => {
    const pdy = g.mul(dy, p!);
    return [g.sub(pdy, g.mul(p!, g.reduceSum(pdy, [-1])))];
  },
  // y = x·r·w with r = 1/rms: dx = r·(dy·w − x·r²·mean(dy·w·x)), dw = dy·x·r (Zhang and Sennrich 2019, eq. 4)
  SimplifiedLayerNormalization: (g, dy, { inputs: [x, w], outputs: [, r] }) => {
    const dyw = g.mul(dy, w!);
    const pull = g.mul(g.reduceMean(g.mul(dyw, x!), [-1]), g.mul(r!, r!));
    return [g.mul(g.sub(dyw, g.mul(x!, pull)), r!), g.mul(dy, g.mul(x!, r!))];
  },
  // (softmax − one-hot of the label) · dy; adding −1 in place reads and writes one number a row.
  SoftmaxCrossEntropyLoss: (g, dy, { inputs: [, labels], outputs: [, logSoftmax] }) => {
    const column = g.unsqueeze(labels!, [1]);
    const minusOne = g.expandLike(g.scalar(-1), column);
    return [g.mul(g.scatterAdd(g.exp(logSoftmax!), column, minusOne, 1), g.unsqueeze(dy, [1]))];
  },
  // Made in the forward pass, for a loss is what it is asked for.
  FrozenHeadLoss: (g, dy, { outputs: [, slope] }) => [g.mul(slope!, dy)],
  Gather: (g, dy, { inputs: [table, indices] }) => {
    const rows = g.flatten(dy);
    const at = g.expandLike(g.reshape(indices!, [-1, 1], rows.shape[0]!), rows);
    return [g.scatterAdd(g.zeros(table!.shape as number[]), at, rows, 0)];
  },
  // With o = P′v, P′ what dropout left of P: dscores = P′ ∘ dP′ − P ∘ Σ P′ ∘ dP′, and that sum is Σ o ∘ do, which is
  // narrower (Dao et al. 2022, eq. 4).
  Attention: (g, dy, { inputs: [q, k, v], outputs: [o, p, dropped] }) => {
    const dp = g.matmul(dy, v!, { transB: 1 });
    const pull = g.reduceSum(g.mul(dy, o!), [-1]);
    const ds = p === dropped ? g.mul(g.sub(dp, pull), p!) : g.sub(g.mul(dp, dropped!), g.mul(p!, pull));
    return [g.matmul(ds, k!), g.matmul(ds, q!, { transA: 1 }), g.matmul(dropped!, dy, { transA: 1 }), ds];
  },
  // gelu(x) = x·s, s = sigmoid(x·b), b = p + q·x²: gelu′ = s + x·s·(1 − s)·(p + 3q·x²). All from x again, when dy is
  // there: tensors of this width are not kept through the forward pass.
  GatedGelu: (g, dy, { inputs: [x, gate] }) => {
    const cubic = g.mul(g.mul(x!, g.add(zeroAfter(g, dy), g.scalar(geluCubic))), x!);
    const s = g.sigmoid(g.mul(x!, g.add(cubic, g.scalar(geluLinear))));
    const y = g.mul(x!, s);
    const slope = g.add(g.mul(cubic, g.scalar(3)), g.scalar(geluLinear));
    const dgelu = g.add(s, g.mul(g.sub(y, g.mul(y, s)), slope));
    return [g.mul(g.mul(dy, gate!), dgelu), g.mul(dy, y)];
  },
};

/** The operations that have a rule. */
export const ruleNames: readonly string[] = Object.keys(rules);

const geluLinear = 2 * Math.sqrt(2 / Math.PI);
const geluCubic = geluLinear * 0.044715;

/**
 * 0, but known only when dy is. The runtime runs what it can as soon as it can: what is computed again for the
 * backward pass would be there, and held, before its time.
 */
export const zeroAfter = (g: Graph, dy: Value) =>
  g.mul(g.gather(g.reshape(dy, [-1]), g.integers([0], [])), g.scalar(0));

/** gelu(x) · gate, gelu in its tanh form, of which only x and the gate are kept. */
export const gatedGelu = (g: Graph, x: Value, gate: Value): Value =>
  g.composite('GatedGelu', [x, gate], () => [g.mul(g.gelu(x), gate)]);

/** softmax(queries keysᵀ + bias) values, [batch, heads, query, dKv]; `drop` sees the probabilities. */
export function attend(
  g: Graph,
  queries: Value,
  keys: Value,
  values: Value,
  bias: Value,
  drop: (probabilities: Value) => Value = (probabilities) => probabilities,
): Value {
  return g.composite('Attention', [queries, keys, values, bias], () => {
    const probabilities = g.softmax(g.add(g.matmul(queries, keys, { transB: 1 }), bias));
    const dropped = drop(probabilities);
    return [g.matmul(dropped, values), probabilities, dropped];
  });
}

/** y = alpha·a′b′. A weight [N, K] under a batch of rows gets the gradient of all rows in one product. */
function matmulRule(g: Graph, dy: Value, { inputs, attributes }: Step): readonly Value[] {
  const [a, b] = inputs as [Value, Value];
  const { transA, transB } = attributes as { transA: number; transB: number };
  const alpha = (attributes.alpha as { float: number }).float;
  const oneMatrix = b.shape.length === 2 && a.shape.length > 2;
  assert(!(oneMatrix && transA), 'a batch of transposed rows times one matrix has no rule');
  const [rowsA, rowsY] = oneMatrix ? [g.flatten(a), g.flatten(dy)] : [a, dy];
  const da = transA
    ? g.matmul(b, dy, { transA: transB, transB: 1, alpha })
    : g.matmul(dy, b, { transB: transB ? 0 : 1, alpha });
  // Transposing a matrix to multiply is slow in the CPU provider: better the narrow one, and the small result.
  const narrow = rowsA.shape.length === 2 && !transA && Number(rowsA.shape[1]) < Number(rowsY.shape[1]);
  if (transB && narrow) return [da, g.transpose(g.matmul(rowsA, rowsY, { transA: 1, alpha }), [1, 0])];
  const db = transB
    ? g.matmul(rowsY, rowsA, { transA: 1, transB: transA, alpha })
    : g.matmul(rowsA, rowsY, { transA: transA ? 0 : 1, alpha });
  return [da, db];
}

/** dy in the shape of x. Sizes known by name at the same place need not be looked up when the graph runs. */
function sameShape(g: Graph, dy: Value, x: Value): Value {
  const direct = x.shape.every((dim, i) => typeof dim === 'number' || dim === dy.shape[i]);
  if (direct) return g.reshape(dy, x.shape as Shape);
  return g.reshapeLike(dy, x);
}

function inverse(perm: readonly number[]): number[] {
  const out: number[] = [];
  for (const [i, axis] of perm.entries()) out[axis] = i;
  return out;
}
