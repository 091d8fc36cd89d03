import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { measurements } from '../../schemas/measurements.js';
import type { Point } from '../../schemas/messages.js';
import { orin, seriesOf, totalSeries } from '../../telemetry/series.js';
import { maxTagValues, SeriesGuard } from '../../telemetry/series-guard.js';
import { watts } from './rig.js';

const thousand = { ...orin, devices: 1_000 };

test('the series of a fleet are each combination of the tags that the table of measurements allows', () => {
  const { power, temperature, training, task, round, telemetry } = seriesOf({ ...thousand, runs: 3 });
  assert.deepEqual([power, temperature, telemetry], [5_000, 10_000, 1_000]);
  assert.deepEqual([training, task, round], [3_000, 9_000, 3]);
  for (const [name, count] of Object.entries(seriesOf({ ...thousand, runs: 1 })))
    assert.ok(Number.isInteger(count), `a tag of ${name} is not counted`);
});

test('docs/influx.md says how many series a fleet of 1,000 makes', () => {
  const [still, withRun] = [0, 1].map((runs) => totalSeries({ ...thousand, runs }));
  const document = fileURLToPath(new URL('../../../docs/influx.md', import.meta.url));
  assert.ok(existsSync(document));
  const text = readFileSync(document, 'utf8').replace(/\s+/g, ' ');
  const [base, each] = [still!, withRun! - still!].map((n) => n.toLocaleString('en'));
  assert.ok(text.includes(`${base} series, and ${each} more with each run`), `${base}, ${each}`);
});

const dayMs = 86_400_000;
const nowMs = 1_790_000_000_000 + dayMs;

/** What a guard lets in, and why not the others. */
function admitted(points: Point[]): { points: Point[]; reasons: string[] } {
  const reasons: string[] = [];
  const lost = (_: number, reason: string) => void reasons.push(reason);
  return { points: new SeriesGuard().admit(points, 'd1', nowMs, lost), reasons };
}

test('what the table of measurements does not know is kept out, and why is told', () => {
  const [point] = watts(0, 1) as [Point];
  const bad: [Point, RegExp][] = [
    [{ ...point, measurement: 'other' }, /^from d1: other is not measured here/],
    [{ ...point, measurement: 'toString' }, /toString is not measured here/],
    [{ ...point, tags: { ...point.tags, pid: '17' } }, /power has no tag pid/],
    [{ ...point, fields: { volts: 1 } }, /power has none of its fields/],
  ];
  for (const [wrong, reason] of bad) {
    const { points, reasons } = admitted([wrong, point]);
    assert.deepEqual(points, [point]);
    assert.match(reasons.join(), reason);
  }
});

test('a time at which nothing can have been measured is kept out: InfluxDB holds open files for each day', () => {
  const [point] = watts(0, 1) as [Point];
  const at = (timeMs: number) => ({ ...point, timeMs });
  const can = [at(Date.UTC(2025, 0, 1)), point, at(nowMs + dayMs)];
  const { points, reasons } = admitted([at(0), at(Date.UTC(2024, 11, 31)), ...can, at(nowMs + dayMs + 1)]);
  assert.deepEqual(points, can);
  assert.equal(reasons.length, 3);
  assert.match(reasons[2]!, /^from d1: power has a time at which nothing can have been measured: 2026-/);
  const unset = new SeriesGuard().admit([point], 'd1', 0, () => assert.fail());
  assert.deepEqual(unset, [point], 'where the clock here is not set, it judges nobody');
});

test('a field that the table does not know is left out, as of a newer device', () => {
  const [point] = watts(0, 1) as [Point];
  const { points, reasons } = admitted([{ ...point, fields: { ...point.fields, volts: 1 } }]);
  assert.deepEqual([points, reasons], [[point], []]);
});

test('a tag whose values never end makes no series without end', () => {
  const [point] = watts(0, 1) as [Point];
  const rails = Array.from({ length: 100 }, (_, i) => ({ ...point, tags: { ...point.tags, rail: `r${i}` } }));
  const { points, reasons } = admitted([...rails, point, rails[0]!]);
  assert.equal(points.length, maxTagValues + 1);
  assert.match(reasons[0]!, /tag rail of power has more than 64 values/);
});

test('runs are as many as a fleet can begin: a device that invents them makes no series without end', () => {
  const guard = new SeriesGuard();
  const run = (name: string, atMs: number) => {
    const point = { measurement: 'training', tags: { run: name }, fields: { loss: 1 }, timeMs: nowMs };
    return guard.admit([point], 'd1', atMs, () => undefined).length;
  };
  const burst = Array.from({ length: 100 }, (_, i) => run(`run-${i}`, nowMs));
  assert.equal(burst.filter(Boolean).length, maxTagValues);
  assert.equal(run('run-0', nowMs), 1, 'a run that is known goes on');
  assert.equal(run('later', nowMs + dayMs), 1);
});

test('no measurement has a tag that tells rounds, steps or times apart', () => {
  const unbounded = /round|step|time|session|pid|sha/;
  for (const [name, { tags }] of Object.entries(measurements))
    assert.deepEqual(
      tags.filter((tag) => unbounded.test(tag)),
      [],
      name,
    );
});
