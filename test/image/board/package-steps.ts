import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, lstatSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { builtinModel } from '../../../cli/builtin-model.js';
import { places } from '../../../image/places.js';
import { units } from '../../../image/units.js';
import { startFleet, told } from './fleet.js';
import { commandOf, machineOf, run, start } from './machine.js';
import { boardId, familyOf, type Step, type Workplace } from './workplace.js';

const maxBytes = 60_000_000;
/** Highest exposure that systemd may find, of 10. */
const maxExposure = 3;
const rows = [
  ['Ana: Is the barn locked?\nBo: I locked it at nine.', 'Bo locked the barn at nine.'],
  ['Ana: Who feeds the hens?\nBo: Cleo does, at six.', 'Cleo feeds the hens at six.'],
].map(([dialogue, summary]) => `${JSON.stringify({ dialogue, summary })}\n`);

const modelFiles = ['config.json', 'tokenizer.json', 'model.safetensors'];
/** Where the board finds its model. */
const stick = '/media/stick';

export const makeFleet: Step = async (place) => {
  place.fleet = await startFleet(place.folder);
  place.ends.push(() => place.fleet!.stop());
  return undefined;
};

export const makeImage: Step = async ({ folder, cache, fleet }) => {
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const texts = [
    '--data',
    file('train.jsonl', rows.join('')),
    '--evaluation',
    file('held-out.jsonl', rows[0]!),
  ];
  const more = ['--settings', file('more.yaml', 'threads: 1\ntrainerIdleS: 1\nconnectS: 300\n')];
  const claim = ['--claim', await fleet!.claim(boardId)];
  const sums = linesOf('sha256sum', ...modelFiles.map((name) => join(builtinModel, name)));
  const named = sums.map((line) => `${line.replace(`${builtinModel}/`, '')}\n`).join('');
  const model = ['--model-from', stick, '--model-sums', file('SHA256SUMS', named)];
  const out = ['--out', join(folder, 'images'), '--cache', cache];
  const said = await told('image', boardId, ...claim, ...model, ...texts, ...more, ...out);
  return said.split('\n')[0]!.replace(`${folder}/`, '');
};

const debOf = ({ folder }: Workplace) => join(folder, 'images', 'fleetune_0.1.0_arm64.deb');
const linesOf = (tool: string, ...argv: string[]) =>
  execFileSync(tool, argv, { encoding: 'utf8', maxBuffer: 2 ** 26 })
    .trim()
    .split('\n');

export const checkPackage: Step = (place) => {
  const deb = debOf(place);
  const { size } = statSync(deb);
  assert.ok(size <= maxBytes, `${size} bytes are more than ${maxBytes}`);
  const files = linesOf('dpkg-deb', '--contents', deb).map((line) => line.split(/\s+/));
  const others = files.filter(
    ([mode, owner]) => owner !== 'root/root' || !/^[-dl]rwx?/.test(mode!) || /[st]/i.test(mode!),
  );
  assert.deepEqual(others, [], 'root’s, and not set-user-id');
  const closed = files.filter(([mode]) => mode![7] !== 'r');
  assert.deepEqual(closed, [], 'readable for all, as nothing in it is secret');
  assert.deepEqual(
    files.filter(([, , , , , path]) => /\.(key|pem|claim|env)$/.test(path!)),
    [],
  );
  const [kib] = linesOf('dpkg-deb', '--field', deb, 'Installed-Size');
  return `${(size / 1e6).toFixed(1)} MB of ${maxBytes / 1e6} MB, installed ${Math.round((Number(kib) * 1024) / 1e6)} MB, ${files.length} entries`;
};

export const askLintian: Step = (place) => {
  const said = linesOf('lintian', '--fail-on', 'error', '--allow-root', debOf(place)).filter(Boolean);
  return said.length === 0 ? 'no error and no warning' : `no error; ${said.join('; ')}`;
};

export const layOverlay: Step = (place) => {
  const root = join(place.folder, 'board');
  cpSync(place.bareRoot(), root, { recursive: true, verbatimSymlinks: true });
  const tar = join(place.folder, 'images', boardId, 'overlay.tar');
  execFileSync('tar', ['-xpf', tar, '-C', root, '--numeric-owner']);
  place.machine = machineOf(root);
  assert.equal(statSync(place.machine.at(places.seed)).mode & 0o777, 0o700);
  assert.ok(existsSync(place.machine.at(places.firstBootUnit)));
  return `${linesOf('tar', '-tf', tar).length} entries`;
};

const install = ['/bin/sh', `${places.seed}/install`];

export const breakFirstBoot: Step = async ({ machine }) => {
  const child = await start(machine!, install);
  const half = machine!.at(`${places.program}/bin/node.dpkg-new`);
  while (!existsSync(half) && child.exitCode === null) await pause(20);
  assert.ok(existsSync(half), 'dpkg unpacked nothing');
  for (const pid of familyOf(child.pid!)) process.kill(pid, 'SIGKILL');
  await once(child, 'exit');
  assert.ok(existsSync(machine!.at(`${places.seed}/install`)));
  return undefined;
};

export const firstBoot: Step = async ({ machine }) => {
  const { at } = machine!;
  assert.match(await run(machine!, install), /Setting up fleetune/);
  assert.equal(existsSync(at(places.seed)), false, 'the seed is still there');
  const expected = [
    `fleetune 600 ${places.claim}`,
    `root 600 ${places.settings}`,
    `fleetune 700 ${places.home}`,
    `fleetune 600 ${places.data}/train.jsonl`,
  ];
  const paths = expected.map((line) => line.split(' ')[2]!);
  assert.deepEqual((await run(machine!, ['stat', '-c', '%U %a %n', ...paths])).split('\n'), expected);
  for (const { name } of units) lstatSync(at(`/etc/systemd/system/multi-user.target.wants/${name}`));
  return readFileSync(at('/etc/systemd/system/fleetune-device.service.d/cpu.conf'), 'utf8')
    .trim()
    .split('\n')
    .at(-1);
};

export const verifyUnits: Step = async ({ machine }) => {
  const said = await run(machine!, [
    'systemd-analyze',
    'verify',
    '--man=no',
    ...units.map(({ name }) => name),
  ]);
  const ours = said.split('\n').filter((line) => line.includes('fleetune'));
  assert.deepEqual(ours, []);
  return 'nothing to say';
};

export const rateUnits: Step = async ({ machine }) => {
  const found: string[] = [];
  for (const { name } of units) {
    const said = await run(machine!, ['systemd-analyze', 'security', '--offline=true', '--no-pager', name]);
    const exposure = Number(/Overall exposure level for .*: ([\d.]+)/.exec(said)?.[1]);
    assert.ok(exposure <= maxExposure, `${name}: ${said}`);
    found.push(`${name} ${exposure}`);
  }
  return found.join(', ');
};

export const fetchModel: Step = async ({ machine }) => {
  mkdirSync(machine!.at(stick), { recursive: true });
  for (const name of modelFiles) cpSync(join(builtinModel, name), machine!.at(`${stick}/${name}`));
  const said = await run(machine!, commandOf('fleetune-model.service'));
  const owner = await run(machine!, ['stat', '-c', '%U', `${places.model}/model.safetensors`]);
  assert.equal(owner, 'fleetune');
  return said.split('\n').at(-1);
};

export const purge: Step = async ({ machine }) => {
  await run(machine!, ['dpkg', '--purge', 'fleetune']);
  const left = [places.home, '/etc/fleetune', places.program, places.command].filter((path) =>
    existsSync(machine!.at(path)),
  );
  assert.deepEqual(left, []);
  return 'nothing is left';
};

export const loadEngine: Step = async ({ machine }) => {
  const script = `const { listSupportedBackends } = require('${places.program}/node_modules/onnxruntime-node');
    console.log('Node', process.version, process.arch, listSupportedBackends().map(({ name }) => name).join());`;
  return run(machine!, [`${places.program}/bin/node`, '-e', script]);
};
