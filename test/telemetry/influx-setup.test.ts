import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Refusal } from '../../schemas/refusal.js';
import { continuousQueries } from '../../telemetry/downsampling.js';
import { createInfluxWriter } from '../../telemetry/influx.js';
import { type SetupSettings, setUpInflux } from '../../telemetry/influx-setup.js';
import { createInfluxd, influxdMissing } from './influxd.js';
import { nowhere, testFolders, watts } from './rig.js';

const folder = testFolders('influx-setup');
const skip = influxdMissing() ?? false;
const asked = { ...nowhere, rawDays: 14, minuteDays: 180, archiveDays: 0, deleteOlder: false };

async function startInfluxd(t: TestContext, lines: Parameters<typeof createInfluxd>[1] = {}) {
  const influxd = await createInfluxd(folder(), lines);
  await influxd.start();
  t.after(() => influxd.stop());
  const settings: SetupSettings = { ...asked, influxUrl: influxd.url };
  return { influxd, settings };
}

const refuses = (settings: SetupSettings, message: RegExp) =>
  assert.rejects(setUpInflux(settings), (e) => e instanceof Refusal && message.test(e.message));

test('a database is set up, and set up again it stays as it is', { skip }, async (t) => {
  const { influxd, settings } = await startInfluxd(t);
  const first = await setUpInflux(settings);
  assert.deepEqual(
    first.slice(0, 4).map(({ what, state }) => `${what}: ${state}`),
    [
      'database fleetune: made',
      'retention policy autogen: 14 d: changed',
      'retention policy minutes: 180 d: made',
      'retention policy archive: for ever: made',
    ],
  );
  assert.ok(first.slice(4).every(({ state }) => state === 'made'));
  const policies = await influxd.query('', 'SHOW RETENTION POLICIES ON fleetune');
  assert.deepEqual(
    policies.map(([name, duration, shard, , standard]) => [name, duration, shard, standard]),
    [
      ['autogen', '336h0m0s', '24h0m0s', true],
      ['minutes', '4320h0m0s', '24h0m0s', false],
      ['archive', '0s', '168h0m0s', false],
    ],
  );
  const again = await setUpInflux(settings);
  assert.deepEqual([...new Set(again.map(({ state }) => state))], ['unchanged']);
  const changed = await setUpInflux({ ...settings, minuteDays: 90 });
  assert.deepEqual(
    changed.filter(({ state }) => state !== 'unchanged'),
    [{ what: 'retention policy minutes: 90 d', state: 'changed' }],
  );
  const [, day] = await setUpInflux({ ...settings, rawDays: 1 });
  assert.deepEqual(day, { what: 'retention policy autogen: 1 d', state: 'changed' });
});

test('a continuous query of another text is replaced', { skip }, async (t) => {
  const { influxd, settings } = await startInfluxd(t);
  await influxd.query('', 'CREATE DATABASE fleetune');
  const select = 'SELECT mean(watts) INTO x FROM power GROUP BY time(5m)';
  await influxd.query('', `CREATE CONTINUOUS QUERY power_minutes ON fleetune BEGIN ${select} END`);
  const steps = await setUpInflux(settings);
  const { state } = steps.find(({ what }) => what.endsWith('power_minutes'))!;
  assert.equal(state, 'changed');
  assert.ok((await setUpInflux(settings)).every((step) => step.state === 'unchanged'));
});

test('the queries make means under the same names, of points that came late too', { skip }, async (t) => {
  const { influxd, settings } = await startInfluxd(t);
  await setUpInflux(settings);
  const hourAgoMs = Math.floor(Date.now() / 60_000 - 60) * 60_000;
  await (await createInfluxWriter(settings))(watts(0, 120, hourAgoMs));
  const keeping = {
    raw: { name: 'autogen', days: 14 },
    minutes: { name: 'minutes', days: 180 },
    archive: { name: 'archive', days: 0 },
  };
  // As the server runs them, over the time that they say they run over again.
  for (const { select } of continuousQueries('fleetune', keeping))
    await influxd.query('fleetune', select.replace('GROUP BY', 'WHERE time > now() - 2h GROUP BY'));
  const means = await influxd.query('fleetune', 'SELECT watts, rail FROM minutes.power');
  assert.deepEqual(means, [
    [hourAgoMs, 29.5, 'VDD_IN'],
    [hourAgoMs + 60_000, 89.5, 'VDD_IN'],
  ]);
  const [[, mean]] = (await influxd.query('fleetune', 'SELECT mean(watts) FROM archive.power')) as [number[]];
  assert.equal(mean, 59.5);
});

test('a shorter retention deletes points only where it is told to', { skip }, async (t) => {
  const { influxd, settings } = await startInfluxd(t);
  await (await createInfluxWriter(settings))(watts(0, 3, Date.now() - 30 * 86_400_000));
  await refuses(settings, /fleetune holds points older than 14 d in autogen.*--delete-older/);
  const rows = () => influxd.query('fleetune', 'SELECT watts FROM power');
  assert.equal((await rows()).length, 3);
  await setUpInflux({ ...settings, rawDays: 60 });
  assert.equal((await rows()).length, 3);
  await setUpInflux({ ...settings, deleteOlder: true });
});

test('what stands in the way is said in a line', { skip }, async (t) => {
  const { influxd, settings } = await startInfluxd(t, { http: 'auth-enabled = true' });
  await influxd.query('', `CREATE USER root WITH PASSWORD 'secret' WITH ALL PRIVILEGES`);
  await influxd.query('', `CREATE USER board WITH PASSWORD 'right'`, 'root:secret');
  await refuses(settings, /does not let somebody without a name set up .*--influx-user/);
  await refuses({ ...settings, influxUser: 'root', influxPassword: 'x' }, /does not let root set up/);
  await refuses({ ...settings, influxUser: 'board', influxPassword: 'right' }, /does not let board set up/);
  await setUpInflux({ ...settings, influxUser: 'root', influxPassword: 'secret' });
  await refuses(
    { ...settings, influxUrl: 'http://127.0.0.1:1' },
    /no InfluxDB answers at http.*--influx-url/,
  );
  await refuses({ ...settings, influxUrl: '127.0.0.1' }, /influxUrl: 127\.0\.0\.1 is not an address/);
});

test('an InfluxDB 2 is told from 1.x, and what to read', async (t) => {
  const server = createServer((_, answer) => {
    answer.writeHead(204, { 'X-Influxdb-Version': 'v2.7.1' }).end();
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const settings = { ...asked, influxUrl: `http://127.0.0.1:${port}` };
  await refuses(settings, /is InfluxDB v2\.7\.1: only 1\.x has continuous queries; docs\/influx\.md/);
});
