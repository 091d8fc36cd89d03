/** Neighbours put together, so that a plot has no more than `most` of them. */
export interface Bins<T> {
  groups: readonly (readonly T[])[];
  /** How many each has; the last may have fewer. */
  each: number;
}

export function binned<T>(items: readonly T[], most: number): Bins<T> {
  const each = Math.max(1, Math.ceil(items.length / most));
  const groups = Array.from({ length: Math.ceil(items.length / each) }, (_, i) =>
    items.slice(i * each, (i + 1) * each),
  );
  return { groups, each };
}

/** Mean of what was measured; null where nothing was. */
export function meanOf(values: readonly (number | null)[]): number | null {
  const measured = values.filter((value) => value !== null);
  return measured.length === 0 ? null : measured.reduce((sum, value) => sum + value, 0) / measured.length;
}

/** Points of a curve, the means of as many neighbours as it takes to have no more than `most`. */
export const thinned = (points: readonly (readonly [number, number])[], most: number): [number, number][] =>
  binned(points, most).groups.map((group): [number, number] => [
    group.length === 1 ? group[0]![0] : meanOf(group.map(([x]) => x))!,
    meanOf(group.map(([, y]) => y))!,
  ]);
