/** How many of each key there are now; what nobody holds takes no memory. */
export class Tally {
  readonly #counts = new Map<string, number>();

  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  /** One more. @returns what ends it, once however often it is called */
  add(key: string): () => void {
    this.#counts.set(key, this.of(key) + 1);
    let held = 1;
    return () => {
      const left = this.of(key) - held;
      held = 0;
      if (left > 0) this.#counts.set(key, left);
      else this.#counts.delete(key);
    };
  }
}
