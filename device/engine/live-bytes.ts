import type { Description, ElementType, Node, Value } from './graph.js';

/** Name of a size in a graph's shapes ('B', 'S') → what it is in a run. */
export type Sizes = Readonly<Record<string, number>>;

const elementBytes: Record<string, number> = { float32: 4, int64: 8, float16: 2, bfloat16: 2, bool: 1 };
/** Outputs that are their input's bytes. */
const views = new Set(['Reshape', 'Unsqueeze', 'Squeeze', 'Identity']);
/** Outputs that the runtime writes over an input of the same size that nobody needs any more. */
const inPlace = new Set([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Exp',
  'Log',
  'Sigmoid',
  'Relu',
  'Sign',
  'Tanh',
  'Softmax',
]);

/** Bytes of a value in a run. @throws Error for a size that has no number */
export function bytesOf({ shape, type }: { shape: Value['shape']; type: ElementType }, sizes: Sizes): number {
  return shape.reduce<number>((product, dim) => product * sizeOf(dim, sizes), elementBytes[type]!);
}

function sizeOf(dim: number | string, sizes: Sizes): number {
  if (typeof dim === 'number') return dim;
  return dim.split('*').reduce((product, part) => {
    const size = Number.isNaN(Number(part)) ? sizes[part] : Number(part);
    if (size === undefined) throw new Error(`no number for the size ${part}`);
    return product * size;
  }, 1);
}

/**
 * The most bytes that values of a graph take at a time when its nodes run in their order and each value goes with its
 * last use: what a run needs besides weights, inputs and constants. A branch's own peak counts while it runs.
 */
export function peakLiveBytes(graph: Description, sizes: Sizes): number {
  const lastUse = lastUses(graph);
  const weights = new Set(graph.weights.map(({ value }) => value.name));
  /** Buffer → its bytes; views share the buffer of what they show. */
  const live = new Map<string, number>();
  const bufferOf = new Map<string, string>();
  const users = new Map<string, number>();
  let [now, peak] = [0, 0];
  const release = (value: string) => {
    const buffer = bufferOf.get(value);
    if (buffer === undefined) return;
    bufferOf.delete(value);
    users.set(buffer, users.get(buffer)! - 1);
    if (users.get(buffer)! > 0) return;
    now -= live.get(buffer)!;
    live.delete(buffer);
  };
  const share = (value: string, buffer: string) => {
    bufferOf.set(value, buffer);
    users.set(buffer, (users.get(buffer) ?? 0) + 1);
  };
  for (const [at, node] of graph.nodes.entries()) {
    // A weight is widened once, when the session is made: a copy of the weights, no value of a run.
    if (node.op === 'Cast' && weights.has(node.inputs[0]!.name)) continue;
    const inside = Object.values(node.branches ?? {}).map((branch) => peakLiveBytes(branch, sizes));
    for (const output of node.outputs) {
      const over = views.has(node.op) ? bufferOf.get(node.inputs[0]!.name) : overwritten(node, output, at);
      if (over !== undefined) share(output.name, over);
      if (over !== undefined || views.has(node.op)) continue; // A view of a weight takes nothing.
      const bytes = bytesOf(output, sizes);
      live.set(output.name, bytes);
      share(output.name, output.name);
      now += bytes;
    }
    peak = Math.max(peak, now + Math.max(0, ...inside));
    for (const { name } of [...node.inputs, ...node.outputs])
      if ((lastUse.get(name) ?? -1) <= at) release(name);
  }
  return peak;

  function overwritten(node: Node, output: Value, at: number): string | undefined {
    if (!inPlace.has(node.op)) return undefined;
    const bytes = bytesOf(output, sizes);
    for (const { name } of node.inputs) {
      const buffer = bufferOf.get(name);
      if (buffer && users.get(buffer) === 1 && lastUse.get(name) === at && live.get(buffer) === bytes)
        return buffer;
    }
    return undefined;
  }
}

/** Value → the last node that reads it; outputs of the graph are never done with. */
function lastUses({ nodes, outputs }: Description): Map<string, number> {
  const last = new Map<string, number>();
  const uses = (node: Node): string[] => [
    ...node.inputs.map(({ name }) => name),
    ...Object.values(node.branches ?? {}).flatMap((branch) => [
      ...branch.nodes.flatMap(uses),
      ...branch.outputs.map(({ value }) => value.name),
    ]),
  ];
  for (const [at, node] of nodes.entries()) for (const name of uses(node)) last.set(name, at);
  for (const { value } of outputs) last.set(value.name, nodes.length);
  return last;
}
