import assert from 'node:assert/strict';
import { test } from 'node:test';
import { passwordProblem } from '../../telemetry/influx-inspection.js';
import { createSink } from '../../telemetry/sink.js';
import { nowhere, quietly, testFolders, testLog } from './rig.js';

const folder = testFolders('influx-inspection');
const influxPassword = 'influx-secret';

test('a password in the open is one that goes to another machine without TLS, in a network of others', () => {
  const open = { influxUrl: 'http://server:8086', influxPassword, insecure: false };
  const { what, remedy } = passwordProblem(open)!;
  assert.match(what, /^the password of InfluxDB goes to server:8086 without TLS/);
  assert.match(remedy, /https:\/\/.*--insecure/);
  const local = ['http://127.0.0.1:8086', 'http://[::1]:8086', 'http://localhost:8086'];
  for (const influxUrl of ['', 'no address', 'https://server', ...local])
    assert.equal(passwordProblem({ ...open, influxUrl }), undefined, influxUrl);
  assert.equal(passwordProblem({ ...open, influxPassword: '' }), undefined);
  assert.equal(passwordProblem({ ...open, insecure: true }), undefined);
});

test('a service says at its start that its password of InfluxDB goes in the open, and not the password', async () => {
  const log = testLog();
  const settings = { ...nowhere, ...quietly, folder: folder(), maxBytes: 1 << 20 };
  const sink = await createSink({ ...settings, influxUrl: 'http://0.0.0.0:9', influxPassword }, log);
  await sink.stop();
  const { facts } = await log.told.find(({ message }) => /without TLS/.test(message));
  assert.match(String(facts.remedy), /https:/);
  assert.ok(!JSON.stringify(log.told.all).includes(influxPassword));
});
