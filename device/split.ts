import { random, shuffled } from '../schemas/random.js';
import { Refusal } from '../schemas/refusal.js';

/**
 * How rows are dealt: alike; in sizes that differ (arXiv 1909.06335's Dirichlet, by quantity); or by a field.
 */
export type Split = { kind: 'iid' } | { kind: 'dirichlet'; alpha: number } | { kind: 'field'; field: string };

/**
 * Deals rows to devices: every row to one device, at least one row to every device; equal arguments, equal
 * parts. A field's values stay together: each goes, the largest first, to the device with the fewest rows so
 * far.
 * @throws Refusal where there are fewer rows, or values of the field, than devices
 */
export function splitRows<T extends { other: Record<string, string> }>(
  rows: readonly T[],
  devices: number,
  split: Split,
  seed: number,
): T[][] {
  if (rows.length < devices)
    throw new Refusal(`${rows.length} examples can't be split over ${devices} devices`);
  if (split.kind === 'field') return byField(rows, devices, split.field);
  const next = random(`split ${seed}`);
  const order = shuffled(rows, next);
  const weights = Array.from({ length: devices }, () =>
    split.kind === 'iid' ? 1 : gamma(split.alpha, next),
  );
  let at = 0;
  return sizesOf(weights, rows.length).map((size) => {
    at += size;
    return order.slice(at - size, at);
  });
}

/**
 * Whole sizes ≥ 1 in proportion to the weights that add up to `total`: largest remainders above the first one
 * each.
 */
export function sizesOf(weights: readonly number[], total: number): number[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  const spare = total - weights.length;
  const exact = weights.map((weight) => (sum > 0 ? (spare * weight) / sum : spare / weights.length));
  const sizes = exact.map((size) => 1 + Math.floor(size));
  const left = total - sizes.reduce((a, b) => a + b, 0);
  const byRemainder = exact
    .map((size, index) => ({ index, remainder: size - Math.floor(size) }))
    .sort((a, b) => b.remainder - a.remainder || a.index - b.index);
  for (const { index } of byRemainder.slice(0, left)) sizes[index]!++;
  return sizes;
}

/**
 * A draw from Gamma(shape, 1): Marsaglia and Tsang (2000); a shape below 1 by Gamma(shape + 1) · u^(1/shape).
 */
export function gamma(shape: number, next: () => number): number {
  if (shape < 1) return gamma(shape + 1, next) * (1 - next()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(next);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - next()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** Box and Muller; 1 − u because the logarithm of 0 is not a number. */
const normal = (next: () => number) => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());

function byField<T extends { other: Record<string, string> }>(
  rows: readonly T[],
  devices: number,
  field: string,
): T[][] {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const value = row.other[field];
    if (value === undefined) {
      const there = Object.keys(row.other).join(', ') || 'none besides dialogue and summary';
      throw new Refusal(`can't split by field ${field}: a row lacks it; it has ${there}`);
    }
    const group = groups.get(value);
    if (group) group.push(row);
    else groups.set(value, [row]);
  }
  if (groups.size < devices)
    throw new Refusal(`field ${field} has ${groups.size} values: too few for ${devices} devices`);
  const parts: T[][] = Array.from({ length: devices }, () => []);
  const largestFirst = [...groups].sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1));
  for (const [, group] of largestFirst) {
    const smallest = parts.reduce((a, b) => (b.length < a.length ? b : a));
    smallest.push(...group);
  }
  return parts;
}
