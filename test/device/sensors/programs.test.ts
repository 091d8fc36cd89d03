import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { plant, set, type Tree } from '../../../bench/boards/tree.js';
import { parseGpu } from '../../../device/sensors/nvidia-smi.js';
import { findSensors } from '../../../device/sensors.js';

const line =
  'RAM 2461/7620MB (lfb 3x2MB) SWAP 0/3810MB (cached 0MB) CPU [19%@729] EMC_FREQ 4%@2133 GR3D_FREQ 25%@[305] APE 200 cpu@46.5C cv0@-256C VDD_IN 5704mW/5700mW VDD_SOC 1624mW/1624mW';
/** Says its process and its arguments in files, then a line again and again. */
const program = (say: string, before = ':') =>
  `#!/bin/sh\nfolder=$(dirname "$0")\necho $$ > "$folder/pid"\necho "$@" > "$folder/args"\n${before}\nwhile :; do\n${say}\nsleep 0.02\ndone`;
const tegrastats = (text: string, before?: string): Tree => ({
  'usr/bin/tegrastats': program(`echo '${text}'`, before),
});
const pidOf = (root: string) => Number(readFileSync(join(root, 'usr/bin/pid'), 'utf8'));
const argsOf = (root: string) => readFileSync(join(root, 'usr/bin/args'), 'utf8').trim();
const ended = (pid: number) => assert.throws(() => process.kill(pid, 0), /ESRCH/);

async function sensorsOf(t: TestContext, tree: Tree, everyMs = 1000) {
  const root = plant(tree);
  const logged: string[] = [];
  const say = (message: string, facts = {}) => void logged.push(`${message} ${JSON.stringify(facts)}`);
  const settings = { root, everyMs, power: true, stateFolder: root };
  const sensors = await findSensors(settings, { info: say, warn: say });
  t.after(() => sensors.stop());
  return { root, logged, sensors };
}

test('tegrastats tells what the files of a Jetson do not, at the pace of the samples, and ends with them', async (t) => {
  const { root, sensors } = await sensorsOf(t, tegrastats(line), 200);
  assert.equal(sensors.power!.source, 'tegrastats');
  assert.equal(argsOf(root), '--interval 200');
  assert.deepEqual(await sensors.power!.read(performance.now()), {
    rails: { VDD_IN: 5.704, VDD_SOC: 1.624 },
    totalW: 5.704,
  });
  const { fields, zones } = await sensors.read(performance.now());
  const { gpu_percent, gpu_mhz, emc_percent, emc_mhz } = fields;
  assert.deepEqual(
    { gpu_percent, gpu_mhz, emc_percent, emc_mhz },
    { gpu_percent: 25, gpu_mhz: 305, emc_percent: 4, emc_mhz: 2133 },
  );
  assert.deepEqual(zones, { cpu: 46.5 });
  const pid = pidOf(root);
  await sensors.stop();
  ended(pid);
});

test('a program that does not end when it is asked to is killed', async (t) => {
  const { root, sensors } = await sensorsOf(t, tegrastats(line, "trap '' TERM"));
  await sensors.stop();
  ended(pidOf(root));
});

test('a program that ends, or says nothing that makes sense, is no sensor', async (t) => {
  for (const say of ["echo 'tegrastats: not a Tegra'; exit 1", `echo '${'x'.repeat(20_000)}'; exit 1`]) {
    const { root, sensors } = await sensorsOf(t, { 'usr/bin/tegrastats': program(say) });
    assert.equal(sensors.power, undefined);
    ended(pidOf(root));
    await sensors.stop();
  }
});

test('a program that falls silent fails as a sensor, and is told once', async (t) => {
  const { logged, sensors } = await sensorsOf(t, tegrastats(line));
  const later = performance.now() + 6_000;
  assert.equal(await sensors.power!.read(later), undefined);
  assert.deepEqual((await sensors.read(later)).zones, {});
  await sensors.read(later);
  assert.equal(sensors.failing, 3); // Its rails, its zones, its fields.
  assert.equal(logged.filter((text) => text.startsWith('a sensor fails')).length, 3);
  assert.match(logged.join(), /tegrastats: no reading for 5 s/);
  await sensors.stop();
});

test('a program that ended in a run is started again', async (t) => {
  const { root, sensors } = await sensorsOf(t, tegrastats(line));
  const first = pidOf(root);
  process.kill(first, 'SIGKILL');
  while ([0, first].includes(pidOf(root))) await turn(); // It waits a second before.
  await sensors.stop();
  ended(pidOf(root));
});

const smi = program(
  "echo '0, 35, 1410, 72.15, 45'; echo '1, 65, 1000, 100.85, 55'; echo '2, [N/A], [N/A], [N/A], [N/A]'",
);
const rapl = {
  'sys/class/powercap/intel-rapl:0/name': 'package-0',
  'sys/class/powercap/intel-rapl:0/energy_uj': 1_000_000,
  'sys/class/powercap/intel-rapl:0/max_energy_range_uj': 262_143_328_850,
};

test('GPUs of nvidia-smi: load and clock as their mean, power and temperature each', async (t) => {
  const { root, sensors } = await sensorsOf(t, { 'usr/bin/nvidia-smi': smi });
  assert.match(argsOf(root), /--query-gpu=index,.* -lms 1000$/);
  assert.equal(sensors.power!.source, 'nvidia-smi');
  while (Object.keys((await sensors.read(performance.now())).zones).length < 2) await turn();
  const { fields, zones } = await sensors.read(performance.now());
  assert.deepEqual([fields.gpu_percent, fields.gpu_mhz], [50, 1205]);
  assert.deepEqual(zones, { gpu0: 45, gpu1: 55 });
  await sensors.stop();
  ended(pidOf(root));
});

test('processor and GPUs of one machine are one power sensor, whose total is of both', async (t) => {
  const { root, sensors } = await sensorsOf(t, { ...rapl, 'usr/bin/nvidia-smi': smi });
  assert.equal(sensors.power!.source, 'rapl-nvidia-smi');
  while ((await sensors.power!.read(performance.now()))?.rails.gpu1 === undefined) await turn();
  const from = Math.ceil(performance.now()); // Whole, so that a second is one.
  await sensors.power!.read(from);
  set(root, 'sys/class/powercap/intel-rapl:0/energy_uj', 21_000_000);
  const { rails, totalW } = (await sensors.power!.read(from + 1_000))!;
  assert.equal(rails['package-0'], 20);
  assert.equal(rails.gpu0, 72.15);
  assert.ok(Math.abs(totalW! - (20 + 72.15 + 100.85)) < 1e-9);
  await sensors.stop();
});

test('a line of nvidia-smi is read value by value', () => {
  const none = { percent: undefined, mhz: undefined, watts: undefined, celsius: undefined };
  assert.deepEqual(parseGpu('3, 0, 210, [N/A], 31'), {
    ...none,
    index: 3,
    percent: 0,
    mhz: 210,
    celsius: 31,
  });
  assert.equal(parseGpu('No devices were found'), undefined);
});
