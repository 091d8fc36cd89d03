import assert from 'node:assert/strict';
import { rules, zeroAfter } from './gradients.js';
import type { Graph, Layer, Shape, Step, Value } from './graph.js';

/**
 * Adds the backward pass to a graph: d(loss)/d(value) for each wanted value, same shapes. Walks the steps from the
 * loss back, along those only that lead from a wanted value to the loss.
 * @param recompute keeps of the graph's layers only what goes into them, and runs each once more on the way back:
 *   the same operations on the same numbers, so the same bits
 */
export function gradients(g: Graph, loss: Value, wanted: readonly Value[], recompute = false): Value[] {
  const leads = new Set(wanted);
  const path = g.tape.filter((step) => {
    const on = step.inputs.some((input) => leads.has(input));
    if (on) for (const output of step.outputs) leads.add(output);
    return on;
  });
  return g.unrecorded(() => {
    const found = new Map<Value, Value>([[loss, g.expandLike(g.scalar(1), loss)]]);
    const again = recompute ? replayed(g) : (step: Step) => step;
    for (const step of path.reverse()) {
      const dy = found.get(step.outputs[0]!);
      if (!dy) continue;
      const rule = rules[step.op];
      assert(rule, `no gradient rule for ${step.op}`);
      const answers = rule(g, dy, again(step, dy));
      for (const [i, input] of step.inputs.entries()) {
        const answer = answers[i];
        if (!answer || !leads.has(input)) continue;
        const fitting = unbroadcast(g, answer, input.shape);
        const sum = found.get(input);
        found.set(input, sum ? g.add(sum, fitting) : fitting);
      }
    }
    return wanted.map((value) => {
      const gradient = found.get(value);
      assert(gradient, `${value.name} does not lead to the loss`);
      return gradient;
    });
  });
}

/** A step of a layer as it is when the layer has been run once more, which it is when its first gradient is there. */
function replayed(g: Graph): (step: Step, dy: Value) => Step {
  const layers = new Map(g.layers.flatMap((layer) => layer.steps.map((step) => [step, layer] as const)));
  const runs = new Map<Layer, (value: Value) => Value>();
  return (step, dy) => {
    const layer = layers.get(step);
    if (!layer) return step;
    const made = runs.get(layer) ?? rerun(g, layer, dy);
    runs.set(layer, made);
    return { ...step, inputs: step.inputs.map(made), outputs: step.outputs.map(made) };
  };
}

/**
 * Adds a layer's nodes a second time; answers with the second of each value. What does not come from the layer's input
 * (a mask, a widened weight) is not made again.
 */
function rerun(g: Graph, { input, nodes }: Layer, dy: Value): (value: Value) => Value {
  const seconds = new Map([[input, g.add(input, zeroAfter(g, dy))]]);
  const made = (value: Value) => seconds.get(value) ?? value;
  for (const node of nodes) {
    if (!node.inputs.some((value) => seconds.has(value))) continue;
    const outputs = g.again(node, node.inputs.map(made));
    for (const [i, output] of node.outputs.entries()) seconds.set(output, outputs[i]!);
  }
  return made;
}

/** Sums over the axes along which an input was repeated. */
function unbroadcast(g: Graph, x: Value, shape: Shape): Value {
  const extra = x.shape.length - shape.length;
  const axes = x.shape.flatMap((dim, i) => (i < extra || (shape[i - extra] === 1 && dim !== 1) ? [i] : []));
  if (axes.length === 0) return x;
  const sum = g.reduceSum(x, axes);
  return extra === 0
    ? sum
    : g.reshape(sum, shape.map((dim) => (typeof dim === 'number' ? dim : -1)) as number[]);
}
