import { zeroAfter } from './gradients.js';
import type { Graph, Step, Value } from './graph.js';
import { block, blockScales, type Quantized, transposed } from './quantize.js';

/** Frozen linear weights in few bits, by module (`encoder.block.0.layer.0.SelfAttention.q`). */
export type FrozenWeights = ReadonlyMap<string, Quantized>;

/** MatMulNBits in int8, x rounded by blocks too: up to twice as fast as in float32, which is level 0. */
const int8Products = 4;

/**
 * x Wᵀ for W [out, in]. Its gradient is of the same numbers, dy W: with 8 bits by the transposed matrix and this same
 * operation; with 4 bits, whose blocks can't be turned, in float32 by a W that is made anew, not before dy is there, and dropped.
 */
export function frozenProduct(g: Graph, module: string, w: Quantized, x: Value, level = int8Products): Value {
  const forward = operands(g, module, w, 'uint8');
  const back =
    w.bits === 8 ? operands(g, `${module}.T`, transposed(w), 'uint8') : operands(g, module, w, 'uint4');
  const how = { bits: w.bits, block, level };
  return g.composite('FrozenProduct', [x, ...back], () => [g.matmulBits(x, forward, how)], how);
}

/** The rule of FrozenProduct. */
export function frozenGradient(
  g: Graph,
  dy: Value,
  { inputs: [, ...w], attributes }: Step,
): readonly Value[] {
  const how = attributes as { bits: 8 | 4; block: number; level: number };
  if (how.bits === 8) return [g.matmulBits(dy, w, how)];
  const [numbers, scales, zeros] = w as [Value, Value, Value];
  return [g.matmul(dy, g.dequantized([numbers, g.add(scales, zeroAfter(g, dy)), zeros], block))];
}

/** The numbers, scales and zeros of a matrix as values, whose bytes are asked for when a session is made. */
function operands(g: Graph, name: string, w: Quantized, type: 'uint8' | 'uint4'): Value[] {
  const { bits, rows, columns, zeros } = w;
  const blocks = columns / block;
  const shapes =
    type === 'uint4'
      ? { numbers: [rows, columns], zeros: [rows, blocks] }
      : { numbers: [rows, blocks, (block * bits) / 8], zeros: [rows, blocks / 2] };
  const values = [
    g.held(`${name}.${type}`, shapes.numbers, type, () => w.packed),
    g.held(`${name}.scales`, [rows, blocks], 'float32', () => blockScales(w)),
  ];
  if (zeros) values.push(g.held(`${name}.zeros.${type}`, shapes.zeros, type, () => zeros));
  return values;
}
