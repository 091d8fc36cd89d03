import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pointOf } from '../../schemas/measurements.js';
import { LossCurve } from '../../telemetry/loss-curve.js';
import { NewestFigures } from '../../telemetry/newest.js';

const power = (watts: number, timeMs: number, rail = 'total') =>
  pointOf('power', { rail, source: 'rapl' }, { watts }, timeMs);
const step = (run: string, loss: number, timeMs: number) =>
  pointOf('training', { run }, { round: 1, step: 1, steps: 4, loss }, timeMs);

test('of each measurement the newest point counts, also where older ones come later or twice', () => {
  const newest = new NewestFigures();
  newest.hear('a', [power(10, 5), power(3, 6, 'dram'), step('r', 2, 5)], 0);
  newest.hear('a', [power(9, 4), power(8, 5), step('r', 2, 5)], 1);
  assert.equal(newest.of('a', 2).watts, 10);
  assert.equal(newest.of('a', 2).loss, 2);
  assert.deepEqual(newest.losses('r'), [{ rounds: 0.15625, loss: 2 }]);
  assert.deepEqual(newest.of('b', 2), {});
});

test('a figure is forgotten for now when nothing new is heard, and a clock that was set back is followed', () => {
  const newest = new NewestFigures({ devices: 10, freshMs: 100 });
  newest.hear('a', [power(10, 5000)], 0);
  assert.deepEqual(newest.of('a', 99), { watts: 10, source: 'rapl' });
  assert.deepEqual(newest.of('a', 100), {});
  newest.hear('a', [power(7, 10)], 150);
  assert.equal(newest.of('a', 150).watts, 7);
});

test('what no live view shows is left out, and text is cut', () => {
  const newest = new NewestFigures();
  const own = { measurement: '__proto__', tags: {}, fields: { watts: 1 }, timeMs: 1 };
  const odd = {
    measurement: 'power',
    tags: { rail: 'total', source: 'x'.repeat(200) },
    fields: { volts: 5, watts: 1 },
  };
  newest.hear('a', [own, { ...odd, timeMs: 1 }], 0);
  assert.deepEqual(newest.of('a', 0), { watts: 1, source: 'x'.repeat(40) });
});

test('of too many devices the one that was silent longest is forgotten, of too many runs the oldest', () => {
  const newest = new NewestFigures({ devices: 2, freshMs: 100 });
  for (const id of ['a', 'b', 'a', 'c']) newest.hear(id, [power(1, Date.now())], 0);
  assert.deepEqual(
    ['a', 'b', 'c'].map((id) => newest.of(id, 0).watts),
    [1, undefined, 1],
  );
  for (let run = 0; run < 5; run++) newest.hear('a', [step(`r${run}`, 2, 10 + run)], 0);
  assert.deepEqual(newest.losses('r0'), []);
  assert.equal(newest.losses('r1').length, 1);
});

test('a curve is the mean of the devices at each place, and does not grow without end', () => {
  const curve = new LossCurve();
  for (const loss of [2, 4]) curve.add({ round: 2, step: 2, steps: 4, loss });
  curve.add({ round: 2, step: 4, steps: 4, loss: 1 });
  curve.add({ round: 2, step: 4, loss: 9 }); // Without its place it says nothing.
  assert.deepEqual(curve.points(), [
    { rounds: 1.40625, loss: 3 },
    { rounds: 1.90625, loss: 1 },
  ]);
  for (let round = 3; round < 1003; round++) curve.add({ round, step: 1, steps: 1, loss: round });
  assert.equal(curve.points().length, 512);
  assert.equal(curve.points().at(-1)!.loss, 1002);
});
