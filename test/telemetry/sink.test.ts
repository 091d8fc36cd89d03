import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Point } from '../../schemas/messages.js';
import { Refusal } from '../../schemas/refusal.js';
import { earliestMs } from '../../telemetry/clock.js';
import { type Deliver, delayMs } from '../../telemetry/pump.js';
import { createSink, createSinkTo } from '../../telemetry/sink.js';
import { Events } from '../broker/rig.js';
import { nowhere, quietly, settled, swiftly, testClock, testFolders, testLog, watts } from './rig.js';

const folder = testFolders('sink');
const maxBytes = 1 << 20;
const taken = { dropped: 0, reason: '' };
const wattsOf = (points: readonly Point[]) => points.map(({ fields }) => fields.watts!);
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** A receiver that a test lets fail. */
function receiver() {
  const seen = new Events<number>();
  const state = { away: false };
  const deliver: Deliver = async (points) => {
    if (state.away) throw new Error('nobody is there');
    wattsOf(points).forEach(seen.add);
    return taken;
  };
  return { seen, state, deliver };
}

test('with no InfluxDB the spool is the store', async () => {
  const at = folder();
  const sink = await createSink({ ...nowhere, ...quietly, folder: at, maxBytes }, testLog());
  sink.write(watts(0, 3));
  await sink.stop();
  const text = readdirSync(at).map((name) => readFileSync(join(at, name), 'utf8'));
  assert.match(text.join(), /^power,device=d1,fleet=f,rail=VDD_IN,source=ina3221 watts=0 1790000000000\n/);
});

test('an address that is none is refused', async () => {
  const settings = { ...nowhere, ...quietly, influxUrl: 'localhost:8086', folder: folder(), maxBytes };
  await assert.rejects(createSink(settings, testLog()), Refusal);
});

test('a batch that failed is delivered again, whole and in order', async () => {
  const { seen, deliver } = receiver();
  let calls = 0;
  const moody: Deliver = (batch) => (++calls < 3 ? Promise.reject(new Error('not now')) : deliver(batch));
  const sink = await createSinkTo(moody, { ...quietly, folder: folder(), maxBytes }, swiftly, testLog());
  sink.write(watts(0, 10));
  await settled(sink, 10);
  await sink.stop();
  assert.deepEqual(seen.all, numbers(0, 10));
});

test('an outage is told once with its reason, and its end', async () => {
  const { state, deliver } = receiver();
  const log = testLog();
  const sink = await createSinkTo(deliver, { ...quietly, folder: folder(), maxBytes }, swiftly, log);
  state.away = true;
  sink.write(watts(0, 10));
  await log.told.find(({ message }) => message === 'points wait on disk');
  state.away = false;
  await settled(sink, 10);
  await log.told.find(({ message }) => message === 'points are taken again');
  await sink.stop();
  assert.deepEqual(
    log.told.all.map(({ facts }) => facts),
    [{ reason: 'nobody is there' }, { afterS: 0 }],
  );
});

test('points that the disk does not take wait in memory until somebody takes them', async () => {
  const { seen, state, deliver } = receiver();
  let refused = 0;
  const counting: Deliver = (batch) =>
    deliver(batch).catch((error) => {
      refused++;
      throw error;
    });
  const at = folder();
  const log = testLog();
  const sink = await createSinkTo(counting, { ...quietly, folder: at, maxBytes }, swiftly, log);
  rmSync(at, { recursive: true }); // As a disk that is gone.
  state.away = true;
  sink.write(watts(0, 10));
  while (refused < 3) await new Promise(setImmediate);
  sink.write(watts(10, 20));
  state.away = false;
  await settled(sink, 20);
  assert.deepEqual(seen.all, numbers(0, 20));
  mkdirSync(at);
  sink.write(watts(20, 21));
  await log.told.find(({ message }) => message === 'the disk takes points again');
  await settled(sink, 21);
  await sink.stop();
  assert.equal(sink.counts.dropped, 0);
});

test('live points go out beside an hour of old ones, each once', async () => {
  const at = { ...quietly, folder: folder(), maxBytes };
  const { seen, state, deliver } = receiver();
  state.away = true;
  const slowly = { ...swiftly, maxLines: 50 };
  const before = await createSinkTo(deliver, at, slowly, testLog());
  before.write(watts(0, 3600));
  await before.stop();
  state.away = false;
  const sink = await createSinkTo(deliver, at, slowly, testLog());
  await seen.count(500);
  for (let i = 0; i < 10; i++) {
    sink.write(watts(3600 + i, 3601 + i));
    await seen.find((watt) => watt === 3600 + i);
  }
  assert.ok(seen.all.length < 3000, `${seen.all.length} points went before the last live one`);
  await settled(sink, 3610);
  await sink.stop();
  assert.deepEqual(
    [...seen.all].sort((a, b) => a - b),
    numbers(0, 3610),
  );
});

test('points that nobody took and that no longer fit are counted and told', async () => {
  const log = testLog();
  const { state, deliver } = receiver();
  state.away = true;
  const hourly = { ...swiftly, everyMs: 3_600_000, maxWaitMs: 3_600_000 };
  const sink = await createSinkTo(deliver, { ...quietly, folder: folder(), maxBytes: 1 << 16 }, hourly, log);
  sink.write(watts(0, 10_001)); // More than may wait for the disk.
  for (let from = 10_001; from < 12_000; from += 100) sink.write(watts(from, from + 100));
  await sink.stop();
  const told = log.told.all.filter(({ message }) => message === 'points were dropped');
  const sum = told.reduce((points, { facts }) => points + (facts.points as number), 0);
  assert.equal(sum, sink.counts.dropped);
  assert.ok(sum > 10_000);
  const reasons = told.map(({ facts }) => String(facts.reason));
  assert.ok(
    reasons.some((reason) => /^no room in memory: more came at once/.test(reason)),
    reasons.join(),
  );
  assert.ok(
    reasons.some((reason) => /the oldest went$/.test(reason)),
    reasons.join(),
  );
});

test('a board whose clock is set an hour after its start sends all of that hour at its right time', async () => {
  const clock = testClock(0);
  const times = new Events<number>();
  const deliver: Deliver = async (points) => {
    for (const { timeMs } of points) times.add(timeMs);
    return taken;
  };
  const settings = { ...quietly, folder: folder(), maxBytes, clock: clock.read };
  const log = testLog();
  const sink = await createSinkTo(deliver, settings, { ...swiftly, maxLines: 1000 }, log);
  assert.match(log.told.all[0]!.message, /clock is not set/);
  for (let s = 0; s < 3600; s++) {
    sink.write(watts(s, s + 1, 0));
    clock.passes(1000);
  }
  const rightMs = earliestMs + 7_200_000;
  clock.isSetTo(rightMs);
  sink.write([{ ...watts(0, 1)[0]!, timeMs: rightMs }]);
  await settled(sink, 3601);
  await sink.stop();
  const expected = numbers(0, 3601).map((s) => rightMs - 3_600_000 + s * 1000);
  assert.deepEqual(
    [...times.all].sort((a, b) => a - b),
    expected,
  );
});

test('another’s points are on disk when they are taken in, with whose they are', async () => {
  const at = folder();
  const sink = await createSink({ ...nowhere, ...quietly, folder: at, maxBytes }, testLog());
  await sink.take(watts(0, 2), { fleet: 'f', device: 'd7' });
  const text = readdirSync(at).map((name) => readFileSync(join(at, name), 'utf8'));
  assert.match(text.join(), /^power,device=d7,fleet=f,.* watts=0 \d+\npower,device=d7,.* watts=1 \d+\n$/);
  await sink.stop();
});

test('what many hand over at once is written together, and all of it', async () => {
  const at = folder();
  const sink = await createSink({ ...nowhere, ...quietly, folder: at, maxBytes }, testLog());
  const names = numbers(0, 50).map((n) => `d${n}`);
  await Promise.all(names.map((device) => sink.take(watts(0, 20), { fleet: 'f', device })));
  const lines = readdirSync(at).flatMap((name) => readFileSync(join(at, name), 'utf8').trim().split('\n'));
  assert.equal(new Set(lines).size, 1000);
  await sink.stop();
});

test('while too much waits already, another’s points are not taken in: they stay where they are', async () => {
  const { state, deliver } = receiver();
  state.away = true;
  const settings = { ...quietly, folder: folder(), maxBytes: 1 << 16 };
  const sink = await createSinkTo(deliver, settings, swiftly, testLog());
  const ours = { fleet: 'f', device: 'd1' };
  await sink.take(watts(0, 500), ours);
  await assert.rejects(sink.take(watts(500, 501), ours), /too many points wait here/);
  assert.equal(sink.counts.dropped, 0);
  state.away = false;
  await settled(sink, 500);
  await sink.take(watts(500, 501), ours);
  await settled(sink, 501);
  await sink.stop();
});

test('the sink tells of itself: what waits, how old it is, what went and what was dropped', async () => {
  const gauged = new Events<Point>();
  const deliver: Deliver = async (points) => {
    for (const point of points) if (point.measurement === 'telemetry') gauged.add(point);
    return taken;
  };
  const settings = { ...quietly, folder: folder(), maxBytes, gaugeMs: 20 };
  const sink = await createSinkTo(deliver, settings, swiftly, testLog());
  const { tags, fields } = await gauged.find(({ fields }) => fields.delivered! > 0);
  await sink.stop();
  assert.deepEqual(tags, { fleet: 'f', device: 'd1' });
  assert.deepEqual(Object.keys(fields).sort(), [
    'delivered',
    'dropped',
    'oldest_s',
    'spool_bytes',
    'spool_limit_bytes',
  ]);
  assert.equal(fields.spool_limit_bytes, maxBytes);
});

test('waits between tries grow, and end growing', () => {
  const settings = { ...swiftly, everyMs: 1_000, maxWaitMs: 30_000 };
  assert.equal(delayMs(0, settings, 0.5), 1_000);
  assert.equal(delayMs(1, settings, 0), 1_000);
  assert.equal(delayMs(1, settings, 1), 2_000);
  assert.equal(delayMs(1_000, settings, 1), 30_000);
});
