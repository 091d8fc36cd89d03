import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connectInflux, createInfluxWriter } from '../../telemetry/influx.js';
import { inspectInflux } from '../../telemetry/influx-inspection.js';
import { authoritiesOf, influxProblem } from '../../telemetry/influx-reach.js';
import { makeTestAuthority } from '../identity/authority-rig.js';
import { createInfluxd, influxdMissing } from './influxd.js';
import { testFolders } from './rig.js';

const folder = testFolders('influx-reach');
const login = { influxDatabase: 'fleetune', influxUser: '', influxPassword: '' };

test('an InfluxDB on another machine is spoken to by TLS, or where somebody says that the network is his alone', async () => {
  const local = ['http://127.0.0.1:8086', 'http://[::1]:8086', 'http://localhost:8086'];
  for (const influxUrl of ['', 'no address', 'https://server', ...local])
    assert.equal(influxProblem({ influxUrl }), undefined, influxUrl);
  assert.equal(influxProblem({ influxUrl: 'http://server:8086', insecure: true }), undefined);
  await assert.rejects(createInfluxWriter({ ...login, influxUrl: 'http://server:8086' }), {
    name: 'Refusal',
    message: /^InfluxDB http:\/\/server:8086 is on another machine.*https:\/\/.*--insecure/,
  });
});

test('a file that holds no authority is refused by name; a bundle without one leaves the system’s', () => {
  const at = folder();
  assert.ok(authoritiesOf({ tls: at }).length > 50);
  const file = `${at}.pem`;
  assert.throws(() => authoritiesOf({ influxCa: file }), { message: /\.pem \(--influx-ca\) can’t be read/ });
  writeFileSync(file, 'no certificate');
  assert.throws(() => authoritiesOf({ influxCa: file }), { message: /\.pem \(--influx-ca\) holds no/ });
});

test('an InfluxDB with a certificate of the fleet’s authority gets points, from those alone who know the authority', {
  skip: influxdMissing() ?? false,
}, async (t) => {
  const made = await makeTestAuthority(t);
  const server = await createInfluxd(folder(), { tls: await made.bundle('broker', 'influx') });
  await server.start();
  t.after(() => server.stop());
  const settings = { ...login, influxUrl: server.url };
  const device = await made.bundle('device', 'barn');
  const point = { measurement: 'power', tags: { device: 'barn' }, fields: { watts: 5 }, timeMs: 1000 };
  const ways = [{ tls: device }, { influxCa: join(device, 'ca.crt') }];
  for (const [i, way] of ways.entries()) {
    const write = await createInfluxWriter({ ...settings, ...way });
    assert.deepEqual(await write([{ ...point, timeMs: 1000 + i }]), { dropped: 0, reason: '' });
  }
  const influx = await connectInflux({ ...settings, tls: device });
  const rows = await influx.query<{ watts: number }>('SELECT watts FROM power');
  assert.deepEqual(
    rows.map(({ watts }) => watts),
    [5, 5],
  );
  await assert.rejects((await createInfluxWriter(settings))([point]), /takes no points/);
  const { version, write } = await inspectInflux(settings);
  assert.equal(version, undefined);
  assert.match(write, /certificate/);
});
