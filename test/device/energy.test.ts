import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EnergyBook, EnergyMeter } from '../../device/energy.js';

const inOrder = (meter: EnergyMeter, readings: readonly (readonly [watts: number, atMs: number])[]) => {
  for (const [watts, atMs] of readings) meter.add(watts, atMs);
  return [meter.joules, meter.seconds];
};

test('moments are added up by trapezoid over unequal times, means as they are', () => {
  const readings = [
    [10, 500],
    [20, 1_500], // 15 W for 1 s
    [20, 3_500], // 20 W for 2 s
    [0, 4_000], // 10 W for ½ s
  ] as const;
  assert.deepEqual(inOrder(new EnergyMeter(false), readings), [15 + 40 + 5, 3.5]);
  assert.deepEqual(inOrder(new EnergyMeter(true), readings), [20 + 40 + 0, 3.5]);
});

test('after a silence that is too long, moments tell nothing; a counter has counted on', () => {
  const readings = [
    [10, 0],
    [10, 1_000],
    [10, 12_000],
    [10, 13_000],
  ] as const;
  assert.deepEqual(inOrder(new EnergyMeter(false, 10_000), readings), [Number.NaN, 13]);
  assert.deepEqual(inOrder(new EnergyMeter(false, 11_000), readings), [130, 13]);
  assert.deepEqual(inOrder(new EnergyMeter(true, 10_000), readings), [130, 13]);
});

/** A book whose sensor tells what is set, when it is asked. */
function bookOf(averages: boolean, maxGapMs = 10_000) {
  const book = new EnergyBook({ source: 'ina3221', averages }, maxGapMs);
  const now = { watts: 30 as number | undefined, atMs: 0 };
  const read = async () => {
    if (now.watts !== undefined) book.add(now.watts, now.atMs);
    return now.watts !== undefined;
  };
  return { book, now, read };
}

test('a task has its joules, its mean watts and, beside them, the idle watts before it', async () => {
  const { book, now, read } = bookOf(false);
  for (const [watts, atMs] of [
    [4, 0],
    [4, 1_000],
    [8, 3_000], // 4 W for 1 s, 6 W for 2 s: 16 J in 3 s
  ] as const)
    book.add(watts, atMs);
  Object.assign(now, { watts: 30, atMs: 3_500 });
  const measuring = book.measure(read);
  await measuring.lap();
  book.add(40, 4_500); // 35 J
  Object.assign(now, { watts: 40, atMs: 5_500 }); // 40 J
  assert.deepEqual(await measuring.end(), {
    joules: 75,
    watts: 37.5,
    idleWatts: 16 / 3,
    source: 'ina3221',
  });
});

test('idle watts of less than a second, or of none, are absent', async () => {
  for (const times of [[], [0], [0, 900]]) {
    const { book, now, read } = bookOf(false);
    for (const atMs of times) book.add(5, atMs);
    now.atMs = 1_000;
    const measuring = book.measure(read);
    book.add(30, 2_000);
    now.atMs = 3_000;
    const spent = await measuring.end();
    assert.deepEqual([spent?.joules, spent?.idleWatts], [60, undefined]);
  }
});

test('between two tasks that follow each other at once, the idle watts from before stay', async () => {
  const { book, now, read } = bookOf(false);
  book.add(5, 0);
  book.add(5, 2_000);
  now.atMs = 2_500;
  const first = book.measure(read);
  now.atMs = 4_000;
  assert.equal((await first.end())?.idleWatts, 5);
  book.add(30, 4_100); // The trainer is still warm.
  now.atMs = 4_200;
  const second = book.measure(read);
  now.atMs = 5_200;
  assert.equal((await second.end())?.idleWatts, 5);
});

test('a sensor that is gone at the end, or was silent in between, leaves the energy unknown', async () => {
  const gone = bookOf(false);
  const cut = gone.book.measure(gone.read);
  gone.now.atMs = 1_000;
  gone.book.add(30, 500);
  gone.now.watts = undefined;
  assert.equal(await cut.end(), undefined);
  const silent = bookOf(false);
  const broken = silent.book.measure(silent.read);
  await broken.lap();
  silent.now.atMs = 60_000;
  assert.equal(await broken.end(), undefined);
});

test('a sensor that fails costs a task its joules and nothing else', async () => {
  const { book, read } = bookOf(false);
  let readings = 0;
  const measuring = book.measure(() => (readings++ === 0 ? read() : Promise.reject(new Error('gone'))));
  const from = performance.now();
  while (performance.now() - from < 110) await new Promise(setImmediate);
  assert.equal(await measuring.lap(), undefined);
  assert.equal(await measuring.end(), undefined);
  assert.equal(readings, 3);
});

test('a lap is the mean since the one before; one that is too short takes no reading', async () => {
  const { book, now, read } = bookOf(false);
  let readings = 0;
  const measuring = book.measure(() => {
    readings++;
    return read();
  });
  assert.equal(await measuring.lap(), undefined);
  assert.equal(readings, 1);
  const from = performance.now();
  while (performance.now() - from < 110) await new Promise(setImmediate);
  Object.assign(now, { watts: 50, atMs: 2_000 });
  assert.equal(await measuring.lap(), 40);
  assert.equal(await measuring.lap(), undefined);
  assert.equal(readings, 2);
});
