import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startRig } from '../broker/rig.js';
import { createInfluxd, influxdMissing } from '../telemetry/influxd.js';
import { type DeviceFolder, deviceFolder } from './device-rig.js';
import { taskOf, tensorsOf } from './fixtures.js';
import { startCoordinator } from './scripted-coordinator.js';

const cli = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
const brokerLimits = { maxPacketBytes: 2 ** 20, maxSubscriptions: 30 };

interface Started {
  child: ChildProcess;
  said(): string;
}

/** `fleetune device` as a process of its own, ended after the test. */
function startService(t: TestContext, url: string, at: DeviceFolder, flags: string[] = []): Started {
  const own = ['--broker', url, '--fleet', 'test', '--id', 'd1', '--connect-s', '2', '--telemetry-s', '0.2'];
  const files = ['--model', at.model, '--data', at.data, '--evaluation', at.evaluation, '--state', at.state];
  const child = fork(cli, ['device', ...own, ...files, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let text = '';
  child.stderr!.on('data', (data) => {
    text += data;
  });
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return { child, said: () => text };
}

async function ready({ child, said }: Started): Promise<void> {
  const exited = once(child, 'exit').then(() => assert.fail(said()));
  await Promise.race([once(child, 'message'), exited]);
}

test('an idle device service stays under 100 MB, also with a shard of thousands of dialogues', async (t) => {
  const { url } = await startRig(t, brokerLimits);
  const at = deviceFolder();
  const row = JSON.stringify({
    dialogue: 'Anna: hello there, how are you?\n'.repeat(16),
    summary: 'Greetings. '.repeat(10),
  });
  writeFileSync(at.data, `${row}\n`.repeat(5_000));
  const service = startService(t, url, at);
  await ready(service);
  const rss = () =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${service.child.pid}/status`, 'utf8'))?.[1]) / 1024;
  t.diagnostic(`idle RSS ${rss().toFixed(1)} MiB`);
  assert.ok(rss() < 100e6 / 2 ** 20, `${rss()} MiB`);
});

test('SIGTERM ends it cleanly, with a goodbye', async (t) => {
  const { url } = await startRig(t, brokerLimits);
  const coordinator = await startCoordinator(t, url);
  const service = startService(t, url, deviceFolder());
  await ready(service);
  service.child.kill('SIGTERM');
  assert.deepEqual(await once(service.child, 'exit'), [0, null]);
  assert.equal(coordinator.presences.all.at(-1)?.online, false);
});

test('a second one on the same state folder is refused; after kill −9 the folder is free', async (t) => {
  const { url } = await startRig(t, brokerLimits);
  const at = deviceFolder();
  const first = startService(t, url, at);
  await ready(first);
  const second = startService(t, url, at);
  assert.deepEqual(await once(second.child, 'exit'), [1, null]);
  assert.match(second.said(), new RegExp(`state folder .* is in use by process ${first.child.pid}`));
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  await ready(startService(t, url, at));
});

test('its points reach the coordinator', async (t) => {
  const { url } = await startRig(t, brokerLimits);
  const coordinator = await startCoordinator(t, url);
  await ready(startService(t, url, deviceFolder()));
  const point = await coordinator.points.find(({ measurement }) => measurement === 'utilization');
  assert.equal(point.tags.device, 'd1');
  assert.ok(point.fields.service_rss_bytes! > 1e6);
});

test('what it measured with no coordinator there, before it was killed, arrives when there is one', async (t) => {
  const { url } = await startRig(t, brokerLimits);
  const at = deviceFolder();
  const spool = join(at.state, 'telemetry');
  const kept = () => {
    const files = existsSync(spool) ? readdirSync(spool).filter((name) => name.endsWith('.lp')) : [];
    const lines = files.flatMap((name) => readFileSync(join(spool, name), 'utf8').split('\n'));
    return lines
      .filter((line) => line.startsWith('utilization,'))
      .map((line) => Number(line.split(' ').at(-1)));
  };
  const service = startService(t, url, at);
  await ready(service);
  while (kept().length < 5) await new Promise((resolve) => setTimeout(resolve, 50));
  service.child.kill('SIGKILL');
  await once(service.child, 'exit');
  const times = kept();
  const coordinator = await startCoordinator(t, url);
  await ready(startService(t, url, at));
  for (const timeMs of times)
    await coordinator.points.find((point) => point.measurement === 'utilization' && point.timeMs === timeMs);
});

const skip = influxdMissing() ?? false;
test('with an InfluxDB of its own its points go there', { skip }, async (t) => {
  const { url } = await startRig(t, brokerLimits);
  const at = deviceFolder();
  const influxd = await createInfluxd(join(at.folder, 'influxd'));
  await influxd.start();
  t.after(() => influxd.stop());
  await ready(startService(t, url, at, ['--influx-url', influxd.url]));
  const deadline = Date.now() + 20_000;
  const query = 'SELECT service_rss_bytes, device FROM utilization';
  for (;;) {
    const [row] = await influxd.query('fleetune', query);
    if (row) {
      assert.equal(row[2], 'd1');
      return;
    }
    assert.ok(Date.now() < deadline, 'no point in InfluxDB after 20 s');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});

test('killed in mid-upload it is told by its will, and goes on when it is back', async (t) => {
  const { url } = await startRig(t, brokerLimits);
  const coordinator = await startCoordinator(t, url);
  const at = deviceFolder();
  const service = startService(t, url, at);
  await ready(service);
  const { modelSha256 } = await coordinator.presences.find((p) => p.online);
  coordinator.answer = () => [];
  // A model that no engine opens: the update is a failure, and has its receipt like any other.
  const { sha256: baseSha256 } = await coordinator.publishAdapter('r1', 0, tensorsOf(10));
  const task = taskOf({}, { modelSha256, baseSha256 });
  await coordinator.tell('d1', task);
  const before = await coordinator.chunks.find(() => true);
  service.child.kill('SIGKILL');
  await coordinator.presences.find((p) => !p.online);
  const sent = coordinator.chunks.all.length;
  coordinator.answer = (_chunk, honest) => [honest];
  const revived = startService(t, url, at);
  const after = await coordinator.chunks.find((chunk) => coordinator.chunks.all.indexOf(chunk) >= sent);
  assert.equal(after.sha256, before.sha256);
  const [birth, , again] = coordinator.presences.all;
  assert.ok(again!.online && again!.session > birth!.session);
  assert.match((await coordinator.updates.find(() => true)).failure, /model_type/);
  assert.doesNotMatch(revived.said(), /task begins/);
});

test('what it can not start with is said in a line or two, without a stack', async (t) => {
  const { url } = await startRig(t, brokerLimits);
  const problems: [RegExp, (at: DeviceFolder) => string[]][] = [
    [/model\.safetensors: not a whole safetensors file/, (at) => cut(join(at.model, 'model.safetensors'))],
    [/tokenizer\.json: no such file/, (at) => remove(join(at.model, 'tokenizer.json'))],
    [/nowhere\.jsonl: no such file/, (at) => ['--data', join(at.folder, 'nowhere.jsonl')]],
    [/: it has 2 fields; name it with --dialogue-field$/, (at) => prose(at.data)],
    [/no broker answered at mqtt:\/\/127\.0\.0\.1:9/, () => ['--broker', 'mqtt://127.0.0.1:9']],
    [/state folder/, (at) => ['--state', join(at.data, 'state')]],
    [/influx/, () => ['--influx-url', 'nonsense']],
    [/chunkBytes: 131072 fits no packet/, () => ['--max-packet-bytes', '20000']],
    [/--id|id:/, () => ['--id', 'no/slash']],
  ];
  for (const [message, harm] of problems) {
    const at = deviceFolder();
    const service = startService(t, url, at, harm(at));
    const [code] = (await once(service.child, 'exit')) as [number];
    const lines = service
      .said()
      .trim()
      .split('\n')
      .filter((line) => !line.startsWith('{'));
    assert.equal(code, 1, service.said());
    assert.match(lines.join('\n'), message);
    assert.doesNotMatch(service.said(), /PIN/);
    assert.ok(lines.length <= 2 && !service.said().includes('    at '), service.said());
  }
});

function cut(path: string): string[] {
  writeFileSync(path, readFileSync(path).subarray(0, 40));
  return [];
}

/** A CSV file without a header: what would be its fields' names is text. */
function prose(path: string): string[] {
  writeFileSync(path, 'Anna: my PIN, 4711\nBen: ok, bye\n');
  return [];
}

function remove(path: string): string[] {
  rmSync(path);
  mkdirSync(`${path}.d`);
  return [];
}
