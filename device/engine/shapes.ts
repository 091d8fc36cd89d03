import assert from 'node:assert/strict';

/** A size: a number, or the name of one that is known only when the graph runs ('B', 'S', 'B*S'). */
export type Dim = number | string;
export type Shape = readonly Dim[];

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

/** x's shape once the axes are summed away: they stay as size 1. */
export const reduced = (shape: Shape, axes: readonly number[]) =>
  shape.map((dim, i) => (axes.some((axis) => (axis + shape.length) % shape.length === i) ? 1 : dim));

/** Rows and columns of a matrix or a batch of them, which may be transposed. */
export function lastTwo(shape: Shape, transposed: number): [Dim, Dim] {
  const [a, b] = shape.slice(-2) as [Dim, Dim];
  return transposed ? [b, a] : [a, b];
}

/** x's shape once its axes stand in the order of `perm`. */
export const permuted = (shape: Shape, perm: readonly number[]) => perm.map((axis) => shape[axis]!);
