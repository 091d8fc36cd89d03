import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { watchRuns } from '../../../cli/run-watch.js';
import type { Bill } from '../../../supply/bill.js';
import { type ServiceName, serviceNames } from '../../../supply/services.js';
import { basesFor, type ImageArch, influxImage } from './bases.js';
import { type Containers, composeUp, configurePodman } from './containers.js';
import { isThere, machineOf, missingPackages, run } from './tools.js';

/**
 * `npm run check:images`: builds the images for amd64 and arm64, and lets a fleet of containers train together, as
 * compose.yaml starts it; its coordinator is killed on the way. Needs root and the tools that it names.
 */
const root = fileURLToPath(new URL('../../../..', import.meta.url));
const project = 'fleetune-check';
const devices = ['device-1', 'device-2', 'device-3'];
const ours = ['authority', 'broker', 'coordinator', ...devices];
const groups = [['identities'], ['sample-identities'], ['influxdb'], ['influx-init'], ours];

const settings = {
  ...{ rounds: 3, steps: 3, batchSize: 4, loraRank: 4, maxTargetTokens: 24, evaluationExamples: 4 },
  ...{ deadlineS: 120, minDevices: 3 },
};

/** What a container may do, asked inside. */
const insideScript = `
  const { readFileSync, writeFileSync } = require('node:fs');
  const status = readFileSync('/proc/self/status', 'utf8');
  const field = (name) => new RegExp('^' + name + ':\\\\s*(\\\\S+)', 'm').exec(status)[1];
  const writing = (path) => { try { writeFileSync(path, ''); return 'written'; } catch (error) { return error.code; } };
  console.log(JSON.stringify({ uid: process.getuid(), gid: process.getgid(), node: process.version,
    capabilities: field('CapEff') + field('CapBnd'), noNewPrivileges: field('NoNewPrivs'),
    app: writing('/app/x'), root: writing('/x'), tmp: writing('/tmp/x'),
    shell: require('node:child_process').spawnSync('/bin/sh', ['-c', 'true']).error?.code,
    bill: JSON.parse(readFileSync('/app/bom.cdx.json', 'utf8')) }));`;

const countScript = `
  const query = encodeURIComponent('SELECT count(up) FROM device; SELECT count(loss) FROM round');
  fetch('http://influxdb:8086/query?db=fleetune&q=' + query).then((answer) => answer.text()).then(console.log);`;

const missing = missingPackages(isThere);
if (missing.length > 0) {
  console.error(
    `check:images: not here: ${missing.join(' ')} (names of Debian packages; images of a registry`,
  );
  console.error(
    'can be given as NODE_IMAGE, BASE_IMAGE and INFLUXDB_IMAGE in place of the stand-ins made here)',
  );
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), 'fleetune-images-'));
let containers: Containers | undefined;
try {
  await check();
  console.log('check:images: all holds');
} catch (error) {
  console.error(`NOT ok  ${error instanceof Error ? error.message : error}`);
  for (const service of containers ? ours : []) console.error(service, await containers!.logs(service));
  process.exitCode = 1;
} finally {
  containers?.down();
  rmSync(folder, { recursive: true, force: true });
}

async function check(): Promise<void> {
  configurePodman(folder);
  await step('stand-ins of the bases are there', async () => Object.values((await bases()).amd64).join(', '));
  for (const arch of ['arm64', 'amd64'] as const)
    for (const service of serviceNames)
      await step(`${service} builds for ${arch}`, () => build(service, arch));
  await step('an arm64 image holds arm64 programs', async () => holdsPrograms('arm64'));
  const { INFLUXDB_IMAGE = await influxImage(folder) } = process.env;
  containers = await composeUp(root, project, groups, { INFLUXDB_IMAGE });
  const up = containers;
  await step('every service gets well', () => untilWell(up));
  for (const service of ours) await step(`${service} is shut in`, () => isShutIn(up, service));
  await step('three devices train, and the coordinator is killed -9 on the way', () => trains(up));
  await step('points are in InfluxDB', () => hasPoints(up));
  for (const service of ours.toReversed())
    await step(`${service} stops when it is told to`, async () => {
      assert.equal(await up.stop(service), 0);
      return 'exit code 0';
    });
}

async function step(name: string, work: () => Promise<string>): Promise<void> {
  const startMs = Date.now();
  try {
    const said = await work();
    console.log(`ok  ${name}${said ? `: ${said}` : ''} (${((Date.now() - startMs) / 1000).toFixed(1)} s)`);
  } catch (cause) {
    throw new Error(`${name}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

async function bases() {
  return { amd64: await basesFor('amd64', folder), arm64: await basesFor('arm64', folder) };
}

function tagOf(service: ServiceName, arch: ImageArch): string {
  return `localhost/fleetune-${service}:${arch === 'amd64' ? 'latest' : arch}`;
}

/** @returns its size */
async function build(service: ServiceName, arch: ImageArch): Promise<string> {
  const images = Object.entries((await bases())[arch]).flatMap(([name, image]) => [
    '--build-arg',
    `${name}=${image}`,
  ]);
  const how = [
    '--isolation',
    'chroot',
    '--pull-never',
    '--skip-unused-stages',
    '--layers',
    '--format',
    'docker',
  ];
  const tag = tagOf(service, arch);
  run(
    'buildah',
    ['bud', ...how, '--platform', `linux/${arch}`, ...images, '--target', service, '-t', tag, '.'],
    root,
  );
  const bytes = Number(run('podman', ['image', 'inspect', '-f', '{{.Size}}', tag]));
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

async function holdsPrograms(arch: ImageArch): Promise<string> {
  const mounted = run('podman', ['image', 'mount', tagOf('device', arch)]).trim();
  try {
    const native = `app/node_modules/onnxruntime-node/bin/napi-v6/linux/${arch}`;
    const files = readdirSync(join(mounted, native)).map((name) => join(native, name));
    const machines = ['usr/local/bin/node', ...files].map((path) =>
      machineOf(readFileSync(join(mounted, path))),
    );
    assert.deepEqual([...new Set(machines)], [arch]);
    return `node and ${files.length} libraries`;
  } finally {
    run('podman', ['image', 'unmount', tagOf('device', arch)]);
  }
}

/** As an engine's health checks would: `fleetune health` inside, until each says yes. */
async function untilWell({ exec }: Containers): Promise<string> {
  const said: string[] = [];
  for (const service of ours) {
    for (let tries = 1; ; tries++) {
      const { code, out } = await exec(service, 'fleetune', 'health');
      if (code === 0) {
        said.push(...out.trim().split('\n'));
        break;
      }
      if (tries === 60) throw new Error(`${service}: ${out}`);
      await pause(1000);
    }
  }
  return `${said.length} checks`;
}

async function isShutIn({ exec }: Containers, service: string): Promise<string> {
  const { code, out } = await exec(service, 'node', '-e', insideScript);
  assert.equal(code, 0, out);
  const { bill, node, ...found } = JSON.parse(out) as { bill: Bill; node: string; [key: string]: unknown };
  assert.deepEqual(found, {
    ...{ uid: 65532, gid: 65532, capabilities: '0'.repeat(32), noNewPrivileges: '1', shell: 'ENOENT' },
    ...{ app: 'EROFS', root: 'EROFS', tmp: 'written' },
  });
  const names = bill.components.map(({ name }) => name);
  assert.ok(names.includes('node'));
  assert.equal(names.includes('onnxruntime-node'), service.startsWith('device'));
  return `user 65532, no capability, no shell, read-only root, Node ${node}, ${names.length} parts in its bill`;
}

async function trains({ broker, folderOf, inspect, copyOut }: Containers): Promise<string> {
  let kill: ((pid: number) => void) | undefined = (pid) => process.kill(pid, 'SIGKILL');
  const killedIn: string[] = [];
  const reach = { broker, tls: folderOf('tls-operator'), fleet: 'default', password: '', connectS: 10 };
  const watch = await watchRuns(reach, ({ status }) => {
    if (status?.state !== 'training' || status.round !== 2 || status.received.length === 0) return;
    kill?.(Number(inspect('coordinator', '{{.State.Pid}}')));
    if (kill) killedIn.push(`round ${status.round}, ${status.received.length} of 3 updates in`);
    kill = undefined;
  });
  const { run: name } = await watch.start({ id: project, settings });
  const summary = await watch.ended(project);
  await watch.operator.close();
  assert.equal(summary.state, 'completed', summary.reason);
  assert.equal(killedIn.length, 1, 'the coordinator was never killed');
  assert.deepEqual(
    summary.rounds.map(({ participants }) => participants.length),
    [3, 3, 3],
  );
  assert.ok(summary.after!.loss < summary.before!.loss, 'the loss did not fall');
  copyOut('coordinator', `/data/runs/${name}`, join(folder, 'run'));
  const adapter = join(folder, 'run', summary.adapter!.path);
  assert.deepEqual(readdirSync(adapter).sort(), ['adapter_config.json', 'adapter_model.safetensors']);
  const loss = [summary.before, summary.after].map((score) => score!.loss.toFixed(3)).join(' → ');
  return `killed in ${killedIn[0]}; loss ${loss}, adapter there`;
}

async function hasPoints({ exec }: Containers): Promise<string> {
  const { out } = await exec('coordinator', 'node', '-e', countScript);
  const { results } = JSON.parse(out) as { results: { series?: { values: number[][] }[]; error?: string }[] };
  const [ups, rounds] = results.map(({ series }) => series?.[0]?.values[0]?.[1] ?? 0);
  assert.ok(ups! > 0 && rounds! > 0, out);
  return `${ups} of devices, ${rounds} of rounds`;
}
