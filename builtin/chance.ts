/** One of the items, each as likely. The list must not be empty. */
export function pick<T>(items: readonly T[], next: () => number): T {
  const item = items[Math.floor(next() * items.length)];
  if (item === undefined) throw new Error('pick: the list is empty');
  return item;
}

/** One of the items other than `but`, or undefined where there is none. */
export function pickOther<T>(items: readonly T[], but: T, next: () => number): T | undefined {
  const rest = items.filter((item) => item !== but);
  return rest.length === 0 ? undefined : pick(rest, next);
}
