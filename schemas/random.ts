import { createHash } from 'node:crypto';

/**
 * A seeded source of numbers in [0, 1): sfc32 (Chris Doty-Humphrey, PractRand), its state the SHA-256 of the
 * seed. The same seed gives the same numbers on every machine.
 */
export function random(seed: string | number): () => number {
  const state = createHash('sha256').update(String(seed)).digest();
  let [a, b, c, counter] = [state.readInt32LE(0), state.readInt32LE(4), state.readInt32LE(8), 1];
  return () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 2 ** 32;
  };
}

/** A whole number below 2^48 that depends on all parts: the seed of one device in one round. */
export function seedOf(...parts: (string | number)[]): number {
  return createHash('sha256').update(JSON.stringify(parts)).digest().readUIntBE(0, 6);
}

/** A shuffled copy (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], next: () => number): T[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [out[i], out[j]] = [out[j] as T, out[i] as T];
  }
  return out;
}
