/** A token bucket: so much a second, and so much at once. */
export interface Rate {
  perS: number;
  burst: number;
}

interface Bucket {
  /** Below 0: a debt. */
  tokens: number;
  atMs: number;
}

const maxKeys = 10_000;

/** Token buckets by key, so many at most: those not used for the longest time are forgotten. */
export class Rates {
  readonly #rate: Rate;
  /** In the order of their last use. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** Takes what there is, and more: as a debt. @returns milliseconds until it is paid; 0: none */
  take(key: string, cost: number, nowMs: number): number {
    const bucket = this.#filled(key, nowMs);
    bucket.tokens -= cost;
    return Math.max(0, (-bucket.tokens / this.#rate.perS) * 1000);
  }

  /** Whether there is one to take. */
  has(key: string, nowMs: number): boolean {
    return this.#filled(key, nowMs).tokens >= 1;
  }

  /** Takes one if there is one. */
  takeOne(key: string, nowMs: number): boolean {
    const bucket = this.#filled(key, nowMs);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  #filled(key: string, nowMs: number): Bucket {
    const { perS, burst } = this.#rate;
    const { tokens, atMs } = this.#buckets.get(key) ?? { tokens: burst, atMs: nowMs };
    const passedS = Math.max(0, nowMs - atMs) / 1000; // A clock that is set back takes nothing away.
    const bucket = { tokens: Math.min(burst, tokens + passedS * perS), atMs: nowMs };
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > maxKeys) this.#buckets.delete(this.#buckets.keys().next().value!);
    return bucket;
  }
}
