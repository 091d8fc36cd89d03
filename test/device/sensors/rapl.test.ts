import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { plant, set, type Tree } from '../../../bench/boards/tree.js';
import { findPowerSensor, findSensors } from '../../../device/sensors.js';

const zone = (name: string, label: string, uj: number, range = 1_000_000): Tree => ({
  [`sys/class/powercap/${name}/name`]: label,
  [`sys/class/powercap/${name}/energy_uj`]: uj,
  [`sys/class/powercap/${name}/max_energy_range_uj`]: range,
});
/** Linux, Documentation/power/powercap/powercap.rst. */
const server = {
  ...zone('intel-rapl:0', 'package-0', 900_000),
  ...zone('intel-rapl:0:0', 'core', 5),
  ...zone('intel-rapl:0:1', 'dram', 0),
  ...zone('intel-rapl-mmio:0', 'package-0', 7),
};
const energy = (name: string) => `sys/class/powercap/${name}/energy_uj`;

test('counters give the mean since the reading before, also where they wrap around', async () => {
  const root = plant(server);
  const sensor = (await findPowerSensor(root))!;
  assert.equal(sensor.source, 'rapl');
  assert.equal(await sensor.read(1_000), undefined);
  set(root, energy('intel-rapl:0'), 950_000);
  set(root, energy('intel-rapl:0:1'), 10_000);
  assert.deepEqual(await sensor.read(1_500), {
    rails: { 'package-0': 0.1, 'dram-0': 0.02 },
    totalW: 0.12000000000000001,
  });
  set(root, energy('intel-rapl:0'), 50_000);
  assert.deepEqual((await sensor.read(2_500))!.rails['package-0'], 0.1);
});

test('a counter that did not answer gives the mean since it last did; without it there is no total', async () => {
  const root = plant(server);
  const sensor = (await findPowerSensor(root))!;
  await sensor.read(1_000);
  set(root, energy('intel-rapl:0'), '');
  assert.deepEqual(await sensor.read(2_000), { rails: { 'dram-0': 0 }, totalW: undefined });
  set(root, energy('intel-rapl:0'), 960_000);
  assert.equal((await sensor.read(4_000))!.rails['package-0'], 0.02);
});

test('no sensor is no sensor', async () => {
  assert.equal(await findPowerSensor(plant({})), undefined);
});

test('counters that only root may read are named in the log of another user', async () => {
  const root = plant({ ...zone('intel-rapl:0', 'package-0', 900_000) });
  chmodSync(join(root, energy('intel-rapl:0')), 0o400);
  chmodSync(dirname(root), 0o755);
  const logged: unknown[] = [];
  const log = { info() {}, warn: (message: string, facts?: object) => void logged.push([message, facts]) };
  const rootOnly = process.geteuid?.() === 0;
  if (rootOnly) process.seteuid!(65_534);
  else chmodSync(join(root, energy('intel-rapl:0')), 0);
  const sensors = await findSensors({ root, everyMs: 1000, power: true, stateFolder: root }, log);
  if (rootOnly) process.seteuid!(0);
  assert.equal(sensors.power, undefined);
  assert.deepEqual(logged, [
    ['power sensors that this user may not read', { files: [join(root, energy('intel-rapl:0'))] }],
  ]);
  await sensors.stop();
});
