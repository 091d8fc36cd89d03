import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { builtinModel } from '../../../cli/builtin-model.js';
import type { Examined } from '../../../cli/doctor/examination.js';
import { startRig } from '../../broker/rig.js';
import { createInfluxd, influxdMissing } from '../../telemetry/influxd.js';
import { fleetune } from '../command.js';

const secret = 'canary7f3a9c';

async function doctor(...argv: string[]) {
  const { code, out, err } = await fleetune(['doctor', ...argv, '--json']);
  assert.equal(err, '');
  assert.ok(!out.includes(secret));
  const { findings, problems, service } = JSON.parse(out) as {
    findings: Examined[];
    problems: number;
    service: string;
  };
  assert.equal(code, problems > 0 ? 1 : 0);
  const of = (check: string) => findings.filter((finding) => finding.check === check);
  const told = (check: string) =>
    of(check)
      .map(({ state, what, remedy }) => [state, what, remedy ?? ''].join(' | '))
      .join('\n');
  return { findings, problems, service, of, told };
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'fleetune-doctor-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('a device as its YAML file says is looked at, and all that it needs is found', async (t) => {
  const { url } = await startRig(t);
  const folder = folderOf(t);
  const data = join(folder, 'train.jsonl');
  writeFileSync(data, `{"dialogue":"${secret}","summary":"b"}\n`.repeat(3));
  const config = join(folder, 'device.yaml');
  writeFileSync(
    config,
    `id: barn\nbroker: ${url}\nmodel: ${builtinModel}\ndata: ${data}\nstate: ${folder}/state\ninfluxPassword: ${secret}\n`,
  );
  const { service, problems, told, findings } = await doctor('--config', config);
  assert.equal(service, 'device');
  assert.equal(problems, 0, JSON.stringify(findings.filter(({ state }) => state === 'problem')));
  assert.match(
    told('broker'),
    /ok \| mqtt:.*: fleetune broker \(Aedes\), by its behaviour; speaks MQTT 3\.1, 3\.1\.1/,
  );
  assert.match(told('model'), /ok \| .*million parameters/);
  assert.match(told('text'), /3 examples to train on/);
  assert.match(told('disk'), /will be made[\s\S]*free of[\s\S]*lasts about/);
  assert.match(told('provider cpu'), /ok \| cpu: in the package, opens; it trains here/);
  assert.match(told('clock'), /ok \| 20\d\d-/);
});

test('what is wrong has its remedy, and the exit code is 1', async (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, 'bad.jsonl'), `{"dialogue":"${secret}" oops`);
  const { of, told } = await doctor(
    ...['device', '--broker', 'mqtt://127.0.0.1:9', '--model', folder, '--data', join(folder, 'bad.jsonl')],
    ...['--state', '/proc/nowhere', '--influx-url', 'http://0.0.0.0:9', '--influx-password', secret],
  );
  assert.match(
    told('broker'),
    /problem \| no broker answers at mqtt:.*ECONNREFUSED.* \| start one with `fleetune broker`/,
  );
  assert.match(told('model'), /problem \| .*config\.json.* \| see `fleetune model check/);
  assert.match(told('text'), /problem \| .*bad\.jsonl line 1: not JSON/);
  assert.match(told('disk'), /problem \| \/proc\/nowhere \(--state\) can't be written/);
  assert.match(
    told('influx'),
    /problem \| InfluxDB http:\/\/0\.0\.0\.0:9 is on another machine, and without TLS.* \| .*https:.*--insecure/,
  );
  for (const check of ['broker', 'model', 'text', 'disk', 'influx'])
    assert.ok(
      of(check).some(({ state, remedy }) => state === 'problem' && remedy),
      check,
    );
});

test('an InfluxDB that does not answer is told with the reason', async () => {
  const { told } = await doctor('coordinator', '--influx-url', 'http://127.0.0.1:9');
  assert.match(told('influx'), /problem \| no InfluxDB answers at http:.*ECONNREFUSED.* \| start it/);
});

test('a port is free, is the service’s own already, or is another’s', async (t) => {
  const { broker } = await startRig(t);
  const other = createServer().listen(0, '127.0.0.1');
  t.after(() => other.close());
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as { port: number };
  const taken = await doctor('broker', '--port', String(port), '--ws-port', '-1');
  assert.match(
    taken.told('ports'),
    new RegExp(
      `problem \\| port ${port} of 127.0.0.1 \\(MQTT\\) is taken by process ${process.pid} .* \\| stop it, or give another port with --port`,
    ),
  );
  await broker.stop();
  const free = await doctor('broker', '--port', String(broker.port), '--ws-port', '-1');
  assert.match(free.told('ports'), /ok \| port \d+ of 127\.0\.0\.1 \(MQTT\) is free/);
  const strange = await doctor('broker', '--host', '192.0.2.1', '--insecure');
  assert.match(strange.told('ports'), /problem \| 192\.0\.2\.1 is no address of this machine/);
});

test('an address that would be open to everybody is a problem, as the service would not start', async () => {
  const broker = await doctor('broker', '--host', '0.0.0.0');
  assert.match(broker.told('ports'), /problem \| host 0\.0\.0\.0 is reached from other machines.*give --tls/);
  const page = await doctor('coordinator', '--page-host', '0.0.0.0', '--page-port', '65123');
  assert.match(page.told('ports'), /problem \| pageHost: 0\.0\.0\.0 is reached.*--page-user/);
});

test('something that is no MQTT broker, and one that says nothing, are told apart from one that is', async (t) => {
  const web = createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const mute = createServer((socket) => socket.on('error', () => {}));
  t.after(() => {
    for (const server of [web, mute]) server.close();
  });
  for (const [server, pattern] of [
    [web, /does not let us in as device: it answers no CONNECT/],
    [mute, /no broker answers.*no answer within 3 s/],
  ] as const) {
    await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
    const { port } = server.address() as { port: number };
    const { told } = await doctor('device', '--broker', `mqtt://127.0.0.1:${port}`);
    assert.match(told('broker'), pattern);
  }
});

test('an InfluxDB is asked what it is, whether it lets us write, and what it keeps', {
  skip: influxdMissing() ?? false,
}, async (t) => {
  const server = await createInfluxd(join(folderOf(t), 'influx'), { http: 'auth-enabled = true' });
  await server.start();
  t.after(() => server.stop());
  await server.query('', `CREATE USER root WITH PASSWORD '${secret}' WITH ALL PRIVILEGES`);
  const flags = ['coordinator', '--influx-url', server.url];
  assert.match(
    (await doctor(...flags)).told('influx'),
    /ok \| .*: version 1\.[\s\S]*problem \| it does not let somebody without a name in/,
  );
  const login = [...flags, '--influx-user', 'root', '--influx-password', secret];
  assert.match(
    (await doctor(...login)).told('influx'),
    /problem \| it has no database fleetune \| make it with `fleetune influx init`/,
  );
  await server.query('', 'CREATE DATABASE fleetune WITH DURATION 14d NAME raw', `root:${secret}`);
  const { told } = await doctor(...login);
  assert.match(
    told('influx'),
    /ok \| user root may write to fleetune[\s\S]*ok \| it keeps: raw \(default\) 336h/,
  );
  assert.match(told('clock'), /ok \| agrees with InfluxDB/);
  await server.query('', `CREATE USER eve WITH PASSWORD '${secret}'`, `root:${secret}`);
  const eve = await doctor(...flags, '--influx-user', 'eve', '--influx-password', secret);
  assert.match(
    eve.told('influx'),
    /problem \| it lets user eve not write to fleetune \| in influx: GRANT WRITE/,
  );
});
