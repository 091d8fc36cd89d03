/**
 * Joins what is asked for while a call is under way into one next call: one write and one sync for many.
 * @returns resolves when the call that held the items has
 */
export function grouped<T>(act: (items: T[]) => Promise<void>): (items: readonly T[]) => Promise<void> {
  let waiting: T[] = [];
  let next: Promise<void> | undefined;
  let before: Promise<unknown> = Promise.resolve();
  return (items) => {
    waiting.push(...items);
    next ??= before.then(() => {
      const all = waiting;
      [waiting, next] = [[], undefined];
      return act(all);
    });
    before = next.catch(() => {});
    return next;
  };
}
