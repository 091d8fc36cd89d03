import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Point } from '../../schemas/messages.js';
import { Refusal } from '../../schemas/refusal.js';
import { createInfluxWriter } from '../../telemetry/influx.js';
import { delayMs } from '../../telemetry/pump.js';
import { createSink, createSinkTo, type Sink } from '../../telemetry/sink.js';
import { createInfluxd, influxdMissing } from './influxd.js';

const root = mkdtempSync(join(tmpdir(), 'fleetune-sink-'));
after(() => rmSync(root, { recursive: true }));
let folders = 0;
const folder = () => join(root, String(folders++));
const quiet = { warn() {} };
const nowhere = { influxUrl: '', influxDatabase: 'fleetune', influxUser: '', influxPassword: '' };
const points = (from: number, to: number): Point[] =>
  Array.from({ length: to - from }, (_, i) => ({
    measurement: 'power meter',
    tags: { device: 'a b' },
    fields: { watts: from + i },
    timeMs: 1_700_000_000_000 + from + i,
  }));
const skip = influxdMissing() ?? false;

async function delivered(sink: Sink, count: number): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (sink.counts.delivered + sink.counts.dropped < count) {
    if (Date.now() > deadline) assert.fail(`${JSON.stringify(sink.counts)} after 20 s, expected ${count}`);
    await wait(20);
  }
}

test('with no InfluxDB the spool is the store', async () => {
  const at = folder();
  const sink = await createSink({ ...nowhere, folder: at, maxBytes: 1 << 20 }, quiet);
  sink.write(points(0, 3));
  await sink.stop();
  const text = readdirSync(at).map((name) => readFileSync(join(at, name), 'utf8'));
  assert.match(text.join(), /^power\\ meter,device=a\\ b watts=0 1700000000000\n/);
});

test('an address that is none is refused', async () => {
  const settings = { ...nowhere, influxUrl: 'localhost:8086', folder: folder(), maxBytes: 1 << 20 };
  await assert.rejects(createSink(settings, quiet), Refusal);
});

test('a batch that failed is delivered again, whole and in order', async () => {
  const seen: number[] = [];
  let calls = 0;
  const deliver = async (batch: Point[]) => {
    if (++calls < 3) throw new Error('not now');
    seen.push(...batch.map((point) => point.fields.watts!));
    return { dropped: 0, reason: '' };
  };
  const pumping = { batchPoints: 4, everyMs: 1, maxWaitMs: 4 };
  const sink = await createSinkTo(deliver, { folder: folder(), maxBytes: 1 << 20 }, pumping, quiet);
  sink.write(points(0, 10));
  await delivered(sink, 10);
  await sink.stop();
  assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test('points that nobody took and that no longer fit are told as lost', async () => {
  const told: Record<string, unknown>[] = [];
  const log = { warn: (message: string, facts = {}) => void told.push({ message, ...facts }) };
  const deliver = () => Promise.reject(new Error('nobody is there'));
  const pumping = { batchPoints: 50, everyMs: 3_600_000, maxWaitMs: 3_600_000 };
  const sink = await createSinkTo(deliver, { folder: folder(), maxBytes: 1 << 16 }, pumping, log);
  sink.write(points(0, 10_001)); // More than may wait for the disk.
  for (let from = 0; from < 4_000; from += 100) sink.write(points(from, from + 100));
  await sink.stop();
  const { dropped } = sink.counts;
  assert.ok(dropped > 10_001);
  const message = 'points were lost: more came than were taken';
  assert.deepEqual(told, [{ message, points: dropped, total: dropped }]);
});

test('waits between tries grow, and end growing', () => {
  const settings = { batchPoints: 1, everyMs: 1_000, maxWaitMs: 30_000 };
  assert.equal(delayMs(0, settings, 0.5), 1_000);
  assert.equal(delayMs(1, settings, 0), 1_000);
  assert.equal(delayMs(1, settings, 1), 2_000);
  assert.equal(delayMs(1_000, settings, 1), 30_000);
});

test('points arrive in InfluxDB, and an outage loses and doubles none', { skip }, async (t) => {
  const influxd = await createInfluxd(folder());
  await influxd.start();
  t.after(() => influxd.stop());
  const settings = { ...nowhere, influxUrl: influxd.url, folder: folder(), maxBytes: 1 << 20 };
  const outage = new EventEmitter();
  const sink = await createSink(settings, { warn: () => outage.emit('seen') });
  sink.write(points(0, 100));
  await delivered(sink, 100); // Its database was missing: the first write made it.
  await influxd.stop();
  const seen = once(outage, 'seen');
  sink.write(points(100, 150));
  await seen; // A try fails in between.
  sink.write(points(150, 200));
  await influxd.start();
  await delivered(sink, 200);
  await sink.stop();
  const rows = await influxd.query('fleetune', 'SELECT watts, device FROM "power meter" ORDER BY time');
  assert.deepEqual(
    rows,
    points(0, 200).map((point) => [point.timeMs, point.fields.watts, 'a b']),
  );
  assert.equal(sink.counts.dropped, 0);
});

test('a point that InfluxDB will never take is dropped and counted, the others stay', { skip }, async (t) => {
  const influxd = await createInfluxd(folder());
  await influxd.start();
  t.after(() => influxd.stop());
  const write = await createInfluxWriter({ ...nowhere, influxUrl: influxd.url });
  await assert.rejects(write(points(0, 1)), /takes no points/); // Its database is missing …
  assert.deepEqual(await write(points(0, 1)), { dropped: 0, reason: '' }); // … and was made.
  const body = 'power\\ meter,device=a\\ b other="text" 1699999999999';
  await fetch(`${influxd.url}/write?db=fleetune&precision=ms`, { method: 'POST', body });
  const bad = { ...points(2, 3)[0]!, fields: { other: 1 } }; // `other` is text there.
  const { dropped, reason } = await write([...points(1, 2), bad]);
  assert.equal(dropped, 1);
  assert.match(reason, /field type conflict/);
  const rows = await influxd.query('fleetune', 'SELECT watts FROM "power meter"');
  assert.deepEqual(rows.map(([, watts]) => watts).slice(-2), [0, 1]);
});
