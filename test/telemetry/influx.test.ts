import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Refusal } from '../../schemas/refusal.js';
import { createInfluxWriter } from '../../telemetry/influx.js';
import { createSink } from '../../telemetry/sink.js';
import { createInfluxd, influxdMissing } from './influxd.js';
import { nowhere, quietly, settled, testFolders, testLog, watts } from './rig.js';
import { smallDisk } from './small-disk.js';

const folder = testFolders('influx');
const skip = influxdMissing() ?? false;
const maxBytes = 1 << 20;

/** A running influxd, ended after the test, and a device's settings for it. */
async function startInfluxd(t: TestContext, lines: Parameters<typeof createInfluxd>[1] = {}) {
  const influxd = await createInfluxd(folder(), lines);
  await influxd.start();
  t.after(() => influxd.stop());
  const settings = { ...nowhere, ...quietly, influxUrl: influxd.url, folder: folder(), maxBytes };
  const rows = () => influxd.query('fleetune', 'SELECT watts FROM power ORDER BY time');
  return { influxd, settings, rows };
}

const expected = (to: number) => watts(0, to).map(({ timeMs, fields }) => [timeMs, fields.watts]);

test('an hour without InfluxDB and a restart in between lose and double nothing', { skip }, async (t) => {
  const { influxd, settings, rows } = await startInfluxd(t);
  const first = await createSink(settings, testLog());
  first.write(watts(0, 100));
  await settled(first, 100); // The database was missing: the first write made it.
  await influxd.stop();
  first.write(watts(100, 1900));
  await first.stop();
  const log = testLog();
  const second = await createSink(settings, log);
  second.write(watts(1900, 3700));
  const { facts } = await log.told.find(({ message }) => message === 'points wait on disk');
  assert.match(String(facts.reason), /^InfluxDB at 127\.0\.0\.1:\d+ takes no points: .*ECONNREFUSED/);
  await influxd.start();
  second.write(watts(3700, 3800));
  await settled(second, 3700);
  await second.stop();
  assert.deepEqual(await rows(), expected(3800));
  assert.deepEqual([first.counts.dropped, second.counts.dropped], [0, 0]);
  const series = await influxd.query('fleetune', 'SHOW SERIES');
  assert.deepEqual(series, [['power,device=d1,fleet=f,rail=VDD_IN,source=ina3221']]);
});

for (const how of ['is cut', 'stalls'])
  test(`an answer that ${how} behind its head is a failed try, not the last one`, async (t) => {
    let requests = 0;
    const server = createServer((request, response) => {
      request.resume();
      if (++requests > 1) return void response.writeHead(204).end();
      response.writeHead(503, { 'content-length': 100 }).write('{"error":', () => {
        if (how === 'is cut') response.destroy();
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.after(() => server.close().closeAllConnections());
    const { port } = server.address() as AddressInfo;
    const write = await createInfluxWriter({ ...nowhere, influxUrl: `http://127.0.0.1:${port}` }, 300);
    await assert.rejects(write(watts(0, 1)), /takes no points/);
    assert.deepEqual(await write(watts(0, 1)), { dropped: 0, reason: '' });
  });

test('points that go out twice are there once', { skip }, async (t) => {
  const { settings, rows } = await startInfluxd(t);
  const first = await createSink({ ...settings, influxUrl: '' }, testLog());
  first.write(watts(0, 200));
  await first.stop();
  for (let time = 0; time < 2; time++) {
    // As after a kill between the server's answer and the note of it.
    rmSync(join(settings.folder, 'cursor.json'), { force: true });
    const spool = { ...settings, folder: join(settings.folder, String(time)) };
    execFileSync('cp', ['-r', settings.folder, `${settings.folder}-copy`]);
    execFileSync('mv', [`${settings.folder}-copy`, spool.folder]);
    const sink = await createSink(spool, testLog());
    await settled(sink, 200);
    await sink.stop();
    rmSync(spool.folder, { recursive: true });
  }
  assert.deepEqual(await rows(), expected(200));
});

test('a wrong password is told in plain words, and nothing is lost until it is right', {
  skip,
}, async (t) => {
  const { influxd, settings } = await startInfluxd(t, { http: 'auth-enabled = true' });
  await influxd.query('', `CREATE USER root WITH PASSWORD 'secret' WITH ALL PRIVILEGES`);
  await influxd.query('', 'CREATE DATABASE fleetune', 'root:secret');
  await influxd.query('', `CREATE USER board WITH PASSWORD 'right'`, 'root:secret');
  const login = { influxUser: 'board', influxPassword: 'wrong' };
  const log = testLog();
  const first = await createSink({ ...settings, ...login }, log);
  first.write(watts(0, 100));
  const { facts } = await log.told.find(({ message }) => message === 'points wait on disk');
  assert.match(String(facts.reason), /does not let user board in: set influxUser and influxPassword/);
  assert.doesNotMatch(String(facts.reason), /wrong/);
  await first.stop();
  const again = testLog();
  const second = await createSink({ ...settings, ...login, influxPassword: 'right' }, again);
  const told = await again.told.find(({ message }) => message === 'points wait on disk');
  assert.match(String(told.facts.reason), /lets user board not write to fleetune: grant it there/);
  await influxd.query('', 'GRANT WRITE ON fleetune TO board', 'root:secret');
  await settled(second, 100);
  await second.stop();
  const rows = await influxd.query('fleetune', 'SELECT watts FROM power', 'root:secret');
  assert.deepEqual(rows, expected(100));
});

test('on a full disk points stay in memory, go out from there, and none is lost', { skip }, async (t) => {
  const { influxd, settings, rows } = await startInfluxd(t);
  const disk = smallDisk(t, settings.folder, '128k');
  if (!disk) return;
  const log = testLog();
  const sink = await createSink(settings, log);
  await influxd.stop();
  sink.write(watts(0, 1000));
  disk.fill();
  for (let i = 1000; i < 6000; i += 100) sink.write(watts(i, i + 100));
  const { facts } = await log.told.find(({ message }) => message.startsWith('the disk takes no points'));
  assert.match(String(facts.reason), /ENOSPC/);
  const others = sink.take(watts(0, 10), { fleet: 'f', device: 'd2' });
  await assert.rejects(others, /ENOSPC/); // They stay where they are.
  await influxd.start();
  await settled(sink, 6000);
  assert.deepEqual(await rows(), expected(6000));
  disk.makeRoom();
  sink.write(watts(6000, 6001));
  await log.told.find(({ message }) => message === 'the disk takes points again');
  await sink.stop();
  assert.deepEqual(await rows(), expected(6001));
  assert.equal(sink.counts.dropped, 0);
});

test('a field of another type is told with its count, the others are written', { skip }, async (t) => {
  const { influxd, settings, rows } = await startInfluxd(t);
  await influxd.query('', 'CREATE DATABASE fleetune');
  const body = 'utilization cpu_percent="text" 1789999999999';
  await fetch(`${influxd.url}/write?db=fleetune&precision=ms`, { method: 'POST', body });
  const log = testLog();
  const sink = await createSink(settings, log);
  const clash = {
    measurement: 'utilization',
    tags: {},
    fields: { cpu_percent: 1 },
    timeMs: 1_789_999_999_999,
  };
  sink.write([...watts(0, 1), clash, ...watts(1, 3)]);
  await settled(sink, 4);
  await sink.stop();
  assert.deepEqual(sink.counts, { delivered: 3, dropped: 1 });
  const { facts } = log.told.all.find(({ message }) => message === 'points were dropped')!;
  assert.deepEqual([facts.points, facts.total], [1, 1]);
  assert.match(
    String(facts.reason),
    /^a field has another type in InfluxDB \(.*cpu_percent.*type float.*string/,
  );
  assert.deepEqual(await rows(), expected(3));
});

test('a full InfluxDB says which limit, with a count, and known series go on', { skip }, async (t) => {
  const { settings, rows } = await startInfluxd(t, { data: 'max-series-per-database = 3' });
  const log = testLog();
  const sink = await createSink(settings, log);
  sink.write(watts(0, 1));
  const ofRail = (rail: number) => ({ ...watts(1, 2)[0]!, tags: { rail: `r${rail}`, source: 'x' } });
  sink.write(Array.from({ length: 10 }, (_, i) => ofRail(i)));
  sink.write(watts(2, 3));
  await settled(sink, 12);
  await sink.stop();
  assert.deepEqual(sink.counts, { delivered: 4, dropped: 8 });
  const { facts } = log.told.all.find(({ message }) => message === 'points were dropped')!;
  assert.match(
    String(facts.reason),
    /holds as many series as it may.*max-series-per-database limit exceeded/,
  );
  assert.equal((await rows()).length, 4);
});

test('a point that the server can not read is counted, the others of its batch are written', {
  skip,
}, async (t) => {
  const { settings, rows } = await startInfluxd(t);
  const write = await createInfluxWriter(settings);
  const never = watts(0, 3, 9e15); // In the year 287167.
  const { dropped, reason } = await write([...watts(0, 50), ...never, ...watts(50, 100)]);
  assert.equal(dropped, 3);
  assert.match(reason, /time outside range/);
  assert.deepEqual(await rows(), expected(100));
});

test('an address with a password in it is refused, and not repeated', async () => {
  const settings = { ...nowhere, influxUrl: 'http://board:secret@127.0.0.1:8086' };
  await assert.rejects(
    createInfluxWriter(settings),
    (e) => e instanceof Refusal && /influxUser/.test(e.message) && !e.message.includes('secret'),
  );
});

test('a batch that is too large for the server goes in halves', { skip }, async (t) => {
  const { settings, rows } = await startInfluxd(t, { http: 'max-body-size = 2000' });
  const write = await createInfluxWriter(settings);
  assert.deepEqual(await write(watts(0, 100)), { dropped: 0, reason: '' });
  assert.deepEqual(await rows(), expected(100));
});
