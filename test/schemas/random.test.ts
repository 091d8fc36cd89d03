import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random, seedOf, shuffled } from '../../schemas/random.js';

test('the same seed gives the same numbers, another seed others', () => {
  const take = (seed: string | number) => Array.from({ length: 5 }, random(seed));
  assert.deepEqual(take(7), take(7));
  assert.notDeepEqual(take(7), take(8));
  assert.notDeepEqual(take('a'), take('b'));
});

test('numbers lie in [0, 1) and fill it evenly', () => {
  const next = random('even');
  const counts = new Array<number>(10).fill(0);
  const total = 20_000;
  for (let i = 0; i < total; i++) {
    const value = next();
    assert.ok(value >= 0 && value < 1);
    counts[Math.floor(value * 10)]!++;
  }
  // Each count is binomial with a standard deviation of 42.
  for (const count of counts) assert.ok(Math.abs(count - total / 10) < 250, String(counts));
});

test('a seed is a whole number below 2^48 that depends on every part and its place', () => {
  const seed = seedOf(1, 2, 'a', 'train');
  assert.ok(Number.isSafeInteger(seed) && seed >= 0 && seed < 2 ** 48);
  assert.equal(seedOf(1, 2, 'a', 'train'), seed);
  const others = [seedOf(2, 1, 'a', 'train'), seedOf(12, 'a', 'train'), seedOf('1', 2, 'a', 'train')];
  assert.equal(new Set([seed, ...others]).size, 4);
});

test('a shuffle keeps its items, leaves the list alone, and every place is as likely', () => {
  const items = [1, 2, 3, 4];
  const next = random('shuffle');
  const firsts = new Map<number, number>();
  for (let i = 0; i < 4000; i++) {
    const mixed = shuffled(items, next);
    assert.deepEqual([...mixed].sort(), [1, 2, 3, 4]);
    firsts.set(mixed[0]!, (firsts.get(mixed[0]!) ?? 0) + 1);
  }
  assert.deepEqual(items, [1, 2, 3, 4]);
  for (const count of firsts.values()) assert.ok(Math.abs(count - 1000) < 150, String([...firsts]));
});
