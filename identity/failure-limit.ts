/** How many failures of an address are borne, and how fast they are forgotten. */
const burst = 30;
const forgetMs = 2_000;
const maxAddresses = 10_000;

/** Counts failures by address: a token bucket each; of many addresses the longest silent are forgotten. */
export class FailureLimit {
  readonly #failures = new Map<string, { count: number; atMs: number }>();

  /** Whether an address may try. */
  allows(address: string, nowMs: number): boolean {
    return this.#count(address, nowMs) <= burst - 1;
  }

  failed(address: string, nowMs: number): void {
    const count = Math.min(burst, this.#count(address, nowMs) + 1);
    this.#failures.delete(address); // It comes last again.
    this.#failures.set(address, { count, atMs: nowMs });
    if (this.#failures.size > maxAddresses) this.#failures.delete(this.#failures.keys().next().value!);
  }

  #count(address: string, nowMs: number): number {
    const { count, atMs } = this.#failures.get(address) ?? { count: 0, atMs: nowMs };
    return Math.max(0, count - (nowMs - atMs) / forgetMs);
  }
}
