import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { jetsons } from '../../../bench/boards/jetsons.js';
import { hwmonChip, plant, set, type Tree } from '../../../bench/boards/tree.js';
import { boardWatts } from '../../../device/sensors/ina3221.js';
import { parseTegrastats } from '../../../device/sensors/tegrastats.js';
import { findPowerSensor, findSensors, type Sensors } from '../../../device/sensors.js';

const silent = { info() {}, warn() {} };
const open: Sensors[] = [];
after(() => Promise.all(open.map((sensors) => sensors.stop())));

async function sensorsOf(tree: Tree): Promise<Sensors> {
  const root = plant(tree);
  const sensors = await findSensors({ root, everyMs: 1000, power: true, stateFolder: root }, silent);
  open.push(sensors);
  return sensors;
}

const near = (actual: number | undefined, expected: number) =>
  assert.ok(Math.abs((actual ?? Number.NaN) - expected) < 1e-9, `${actual}, expected ${expected}`);

for (const { name, seen, tree, tegrastats, expected } of jetsons) {
  const { rails, totalW, zones, ...fields } = expected;
  const note = seen ? `seen on hardware ${seen}` : 'unseen on hardware';

  test(`${name}: rails and their total, zones, GPU and mode of its files (${note})`, async () => {
    const sensors = await sensorsOf(tree);
    assert.equal(sensors.power?.source, 'ina3221');
    const power = (await sensors.power!.read(0))!;
    assert.deepEqual(Object.keys(power.rails).sort(), Object.keys(rails).sort());
    for (const [rail, watts] of Object.entries(rails)) near(power.rails[rail], watts);
    near(power.totalW, totalW);
    const reading = await sensors.read(0);
    assert.deepEqual(reading.zones, zones);
    const { gpu_percent, gpu_mhz, power_mode } = reading.fields;
    assert.deepEqual({ gpu_percent, gpu_mhz, power_mode }, fields);
    assert.equal(sensors.failing, 0);
  });

  test(`${name}: the same of a line of tegrastats (${note})`, () => {
    const line = parseTegrastats(tegrastats)!;
    for (const [rail, watts] of Object.entries(line.rails!)) near(watts, rails[rail]!);
    near(boardWatts(line.rails!), totalW);
    // It calls the fan's estimate "thermal".
    const { 'thermal-fan-est': fan, ...named } = zones;
    assert.deepEqual(line.zones, fan === undefined ? named : { ...named, thermal: fan });
    assert.equal(line.fields!.gpu_percent, Math.floor(fields.gpu_percent));
    assert.equal(line.fields!.gpu_mhz, Math.floor(fields.gpu_mhz));
    assert.equal(typeof line.fields!.emc_percent, 'number');
    assert.equal(typeof line.fields!.emc_mhz, 'number');
  });
}

test('a line of tegrastats without a clock or a load tells neither', () => {
  const { fields, rails } = parseTegrastats(
    'RAM 5137/62841MB (lfb 2x4MB) SWAP 0/31420MB (cached 0MB) CPU [1%@729] GR3D_FREQ 7% cpu@52.8C VDD_CPU_CV -398mW/-398mW',
  )!;
  assert.deepEqual(fields, {
    gpu_percent: 7,
    gpu_mhz: undefined,
    emc_percent: undefined,
    emc_mhz: undefined,
  });
  assert.deepEqual(rails, { VDD_CPU_CV: -0.398 });
  assert.equal(parseTegrastats('RAM 5137/62841MB (lfb 2x4MB) SWAP 0/31420MB (cached 0MB)'), undefined);
});

test('rails that nobody knows are told, but make no total', async () => {
  const sensor = await findPowerSensor(plant(hwmonChip(1, { 1: ['RAIL A', 1_000, 1_000] })));
  assert.deepEqual(await sensor!.read(0), { rails: { RAIL_A: 1 }, totalW: undefined });
});

test('a total is not guessed where one of its rails does not answer', async () => {
  const root = plant(hwmonChip(1, { 1: ['VDD_GPU_SOC', 5_000, 1_000], 2: ['VDD_CPU_CV', 5_000, 1_000] }));
  const sensor = await findPowerSensor(root);
  assert.equal((await sensor!.read(0))!.totalW, undefined);
  set(root, 'sys/class/hwmon/hwmon1/curr1_input', '4294967295');
  assert.deepEqual((await sensor!.read(0))!.rails, { VDD_CPU_CV: 5 });
});

test('the clock of the memory is told where debugfs may be read', async () => {
  const sensors = await sensorsOf({ 'sys/kernel/debug/bpmp/debug/clk/emc/rate': 2_133_000_000 });
  assert.equal((await sensors.read(0)).fields.emc_mhz, 2133);
});
