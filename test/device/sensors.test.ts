import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { startSampler } from '../../device/sampler.js';
import { findPowerSensor, readRss, readTemperature } from '../../device/sensors.js';
import type { Point } from '../../schemas/messages.js';

const root = mkdtempSync(join(tmpdir(), 'fleetune-sensors-'));
after(() => rmSync(root, { recursive: true }));
let boards = 0;

/** A root folder with such files below /sys and /proc. */
function board(files: Record<string, string | number>): string {
  const at = join(root, String(boards++));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(at, path)), { recursive: true });
    writeFileSync(join(at, path), `${text}\n`);
  }
  return at;
}

const chip = (hwmon: number, rails: Record<number, [label: string, mV: number, mA: number]>) =>
  Object.fromEntries([
    [`sys/class/hwmon/hwmon${hwmon}/name`, 'ina3221'],
    ...Object.entries(rails).flatMap(([channel, [label, mV, mA]]) => [
      [`sys/class/hwmon/hwmon${hwmon}/in${channel}_label`, label],
      [`sys/class/hwmon/hwmon${hwmon}/in${channel}_input`, mV],
      [`sys/class/hwmon/hwmon${hwmon}/curr${channel}_input`, mA],
    ]),
  ]) as Record<string, string | number>;

const orin = {
  'sys/class/hwmon/hwmon0/name': 'nvme',
  ...chip(3, {
    1: ['VDD_GPU_SOC', 20_000, 500],
    2: ['VDD_CPU_CV', 19_000, 200],
    3: ['VIN_SYS_5V0', 5_000, 1_000],
  }),
  ...chip(4, {
    1: ['NC', 0, 0],
    2: ['VDDQ_VDD2_1V8AO', 5_000, 300],
    3: ['NC', 0, 0],
    7: ['sum of shunt voltages', 9, 9],
  }),
};

test("an AGX Orin's total is of three rails; the fourth is a part of one of them", async () => {
  const sensor = await findPowerSensor(board(orin));
  assert.equal(sensor?.source, 'ina3221');
  const { rails, totalW } = (await sensor!.read(0))!;
  assert.deepEqual(rails, { VDD_GPU_SOC: 10, VDD_CPU_CV: 3.8, VIN_SYS_5V0: 5, VDDQ_VDD2_1V8AO: 1.5 });
  assert.ok(Math.abs(totalW! - 18.8) < 1e-9);
});

test("an Orin NX's VDD_IN is its total", async () => {
  const rails = {
    1: ['VDD_IN', 5_000, 2_000],
    2: ['VDD_CPU_GPU_CV', 5_000, 800],
    3: ['VDD_SOC', 5_000, 300],
  };
  const sensor = await findPowerSensor(board(chip(1, rails as never)));
  assert.equal((await sensor!.read(0))!.totalW, 10);
});

test('rails that nobody knows are told, but make no total', async () => {
  const sensor = await findPowerSensor(board(chip(1, { 1: ['RAIL_A', 1_000, 1_000] })));
  assert.deepEqual(await sensor!.read(0), { rails: { RAIL_A: 1 }, totalW: undefined });
});

const zone = (name: string, label: string, uj: number, range = 1_000_000) => ({
  [`sys/class/powercap/${name}/name`]: label,
  [`sys/class/powercap/${name}/energy_uj`]: uj,
  [`sys/class/powercap/${name}/max_energy_range_uj`]: range,
});
const server = {
  ...zone('intel-rapl:0', 'package-0', 900_000),
  ...zone('intel-rapl:0:0', 'core', 5),
  ...zone('intel-rapl:0:1', 'dram', 0),
  ...zone('intel-rapl-mmio:0', 'package-0', 7),
};

test('counters give the mean since the reading before, also where they wrap around', async () => {
  const at = board(server);
  const set = (name: string, uj: number) =>
    writeFileSync(join(at, `sys/class/powercap/${name}/energy_uj`), `${uj}`);
  const sensor = (await findPowerSensor(at))!;
  assert.equal(sensor.source, 'rapl');
  assert.equal(await sensor.read(1_000), undefined);
  set('intel-rapl:0', 950_000);
  set('intel-rapl:0:1', 10_000);
  assert.deepEqual(await sensor.read(1_500), {
    rails: { 'package-0': 0.1, 'dram-0': 0.02 },
    totalW: 0.12000000000000001,
  });
  set('intel-rapl:0', 50_000);
  assert.deepEqual((await sensor.read(2_500))!.rails['package-0'], 0.1);
});

test('no sensor is no sensor', async () => {
  assert.equal(await findPowerSensor(board({})), undefined);
  assert.equal(await readTemperature(board({})), undefined);
});

test('the hottest zone is the temperature, and memory is that of the process', async () => {
  const at = board({
    'sys/class/thermal/thermal_zone0/temp': 45_500,
    'sys/class/thermal/thermal_zone1/temp': 51_000,
    'sys/class/thermal/thermal_zone2/temp': -256_000,
    'sys/class/thermal/cooling_device0/temp': 99_000,
    'proc/17/status': 'Name:\tnode\nVmHWM:\t  9000 kB\nVmRSS:\t  2048 kB',
  });
  assert.equal(await readTemperature(at), 51);
  assert.equal(await readRss(at, 17), 2048 * 1024);
  assert.equal(await readRss(at, 18), undefined);
});

test('a task is measured from its beginning to its end, however short', async () => {
  const sampler = await startSampler(
    { everyMs: 3_600_000, power: true, root: board(orin), deviceId: 'a', trainerPid: () => undefined },
    () => {},
  );
  const from = performance.now();
  const { joules } = (await sampler.measure().end())!;
  const seconds = (performance.now() - from) / 1000;
  assert.ok(joules > 0 && joules <= 18.8 * seconds, `${joules} J in ${seconds} s`);
  await sampler.stop();
});

test('without a sensor, or where it is not to be read, a task has no joules', async () => {
  for (const [power, files] of [
    [true, {}],
    [false, orin],
  ] as const) {
    const settings = {
      everyMs: 3_600_000,
      power,
      root: board(files),
      deviceId: 'a',
      trainerPid: () => undefined,
    };
    const sampler = await startSampler(settings, () => {});
    assert.equal(sampler.source, 'none');
    assert.equal(await sampler.measure().end(), undefined);
    await sampler.stop();
  }
});

test('samples are points of the board, the process and its trainer, and of each rail', async () => {
  const at = board({ ...orin, 'proc/17/status': 'VmRSS:\t2048 kB' });
  const points = await new Promise<Point[]>((resolve) => {
    const settings = { everyMs: 5, power: true, root: at, deviceId: 'a', trainerPid: () => 17 };
    const starting = startSampler(settings, (sampled) => {
      void starting.then((sampler) => sampler.stop()).then(() => resolve(sampled));
    });
  });
  const [utilization, ...power] = points;
  assert.equal(utilization!.measurement, 'utilization');
  assert.equal(utilization!.fields.trainer_rss_bytes, 2048 * 1024);
  assert.ok(utilization!.fields.service_rss_bytes! > 1e6);
  assert.equal(utilization!.fields.temperature_c, undefined);
  assert.deepEqual(
    power.map(({ tags, fields }) => [tags.rail, tags.source, fields.watts]),
    [
      ['VDD_GPU_SOC', 'ina3221', 10],
      ['VDD_CPU_CV', 'ina3221', 3.8],
      ['VIN_SYS_5V0', 'ina3221', 5],
      ['VDDQ_VDD2_1V8AO', 'ina3221', 1.5],
      ['total', 'ina3221', 18.8],
    ],
  );
});
