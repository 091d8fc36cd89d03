/**
 * Messages for the one who waits for them, in order; over the limit the oldest goes: what is missed is asked
 * for again.
 */
export class Mailbox<T> {
  readonly #items: T[] = [];
  readonly #maxItems: number;
  #give: ((item: T) => void) | undefined;

  constructor(maxItems: number) {
    this.#maxItems = maxItems;
  }

  put(item: T): void {
    if (this.#give) {
      this.#give(item);
      return;
    }
    this.#items.push(item);
    if (this.#items.length > this.#maxItems) this.#items.shift();
  }

  /**
   * The next message; undefined when none comes within limitMs. Rejects with the reason of a signal that
   * aborts.
   */
  take(limitMs: number, ...signals: AbortSignal[]): Promise<T | undefined> {
    const aborted = signals.find((signal) => signal.aborted);
    if (aborted) return Promise.reject(aborted.reason);
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift());
    return new Promise((resolve, reject) => {
      const settled = () => {
        this.#give = undefined;
        clearTimeout(timer);
        for (const signal of signals) signal.removeEventListener('abort', onAbort);
      };
      const onAbort = (event: Event) => {
        settled();
        reject((event.target as AbortSignal).reason);
      };
      const timer = setTimeout(() => {
        settled();
        resolve(undefined);
      }, limitMs);
      for (const signal of signals) signal.addEventListener('abort', onAbort);
      this.#give = (item) => {
        settled();
        resolve(item);
      };
    });
  }

  clear(): void {
    this.#items.length = 0;
  }
}
