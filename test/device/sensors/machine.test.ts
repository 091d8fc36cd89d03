import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { plant, set, type Tree, zones } from '../../../bench/boards/tree.js';
import { Board } from '../../../device/sensors/board.js';
import { busyShare, parseCpuTimes } from '../../../device/sensors/processor.js';
import type { Sensor } from '../../../device/sensors/sensor.js';
import { celsius, findZones } from '../../../device/sensors/thermal.js';
import { parseDisks, parseLinks, perSecond } from '../../../device/sensors/traffic.js';
import { SensorWatch } from '../../../device/sensors/watch.js';
import { findSensors, readRss } from '../../../device/sensors.js';

const silent = { info() {}, warn() {} };

async function sensorsOf(tree: Tree, model?: { tdpWatts: number; idleWatts: number }) {
  const root = plant(tree);
  const settings = { root, everyMs: 1000, power: true, stateFolder: root, model };
  return { root, sensors: await findSensors(settings, silent) };
}

test('the load of the processor is what was not idle nor waiting since the reading before', async () => {
  //                     user nice system idle iowait irq softirq steal guest
  const { root, sensors } = await sensorsOf({
    'proc/stat': 'cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 1 1 1 1',
  });
  assert.equal((await sensors.read(0)).fields.cpu_percent, undefined); // No tick has passed.
  set(root, 'proc/stat', 'cpu  150 0 110 720 110 5 5 0 90 0\ncpu0 1 1 1 1');
  const { cpu_percent } = (await sensors.read(1_000)).fields;
  assert.ok(Math.abs(cpu_percent! - 70) < 1e-9, `${cpu_percent}`); // 70 busy of 100 ticks.
  assert.deepEqual(parseCpuTimes('cpu  1 2 3 4 5 6 7 8 9 10'), { busy: 27, all: 36 });
  assert.equal(busyShare({ busy: 5, all: 10 }, { busy: 5, all: 10 }), undefined);
  assert.throws(() => parseCpuTimes('intr 1 2 3'), /no line of all cores/);
});

test('the clock of the processor is the mean of its cores; those that a power mode switches off have none', async () => {
  const policy = (number: number, cores: string, khz: number): Tree => ({
    [`sys/devices/system/cpu/cpufreq/policy${number}/related_cpus`]: cores,
    [`sys/devices/system/cpu/cpufreq/policy${number}/scaling_cur_freq`]: khz,
  });
  const { root, sensors } = await sensorsOf({
    ...policy(0, '0 1 2', 1_000_000),
    ...policy(4, '4', 2_200_000),
  });
  assert.equal((await sensors.read(0)).fields.cpu_mhz, 1300);
  set(root, 'sys/devices/system/cpu/cpufreq/policy4/scaling_cur_freq', '<unknown>');
  assert.equal((await sensors.read(0)).fields.cpu_mhz, 1000);
  assert.equal(sensors.failing, 0);
  const server = await sensorsOf({
    'proc/cpuinfo': 'cpu MHz\t\t: 2400.000\nmodel\t: x\ncpu MHz\t\t: 2600.000',
  });
  assert.equal((await server.sensors.read(0)).fields.cpu_mhz, 2500);
});

test('memory in use is what no program could get', async () => {
  const { sensors } = await sensorsOf({
    'proc/meminfo': 'MemTotal:        1000 kB\nMemFree:          100 kB\nMemAvailable:     600 kB',
  });
  const { memory_used_bytes, memory_total_bytes } = (await sensors.read(0)).fields;
  assert.deepEqual([memory_used_bytes, memory_total_bytes], [400 * 1024, 1000 * 1024]);
});

const disks = (nvme: [number, number], part: number) =>
  [
    `   7       0 loop0 9 0 9999 0 9 0 9999 0 0 0 0`,
    ` 259       0 nvme0n1 10 0 ${nvme[0]} 5 10 0 ${nvme[1]} 5 0 5 5 0 0 0 0`,
    ` 259       1 nvme0n1p1 10 0 ${part} 5 10 0 ${part} 5 0 5 5`,
    ` 253       0 dm-0 10 0 ${part} 5 10 0 ${part} 5 0 5 5`,
  ].join('\n');

test('bytes of a disk count once: not again in its parts and what is made of them', async () => {
  const { root, sensors } = await sensorsOf({ 'proc/diskstats': disks([100, 200], 300) });
  assert.equal((await sensors.read(1_000)).fields.disk_read_bytes_per_s, undefined);
  set(root, 'proc/diskstats', disks([110, 240], 900));
  const { disk_read_bytes_per_s, disk_write_bytes_per_s } = (await sensors.read(3_000)).fields;
  assert.deepEqual([disk_read_bytes_per_s, disk_write_bytes_per_s], [(10 * 512) / 2, (40 * 512) / 2]);
  assert.deepEqual([...parseDisks(disks([1, 2], 3)).keys()], ['nvme0n1']);
});

test('bytes of a link count once: not again in the bridges and tunnels over it', () => {
  const line = (name: string, rx: number, tx: number) => `${name}: ${rx} 1 0 0 0 0 0 0 ${tx} 1 0 0 0 0 0 0`;
  const text = [
    'Inter-|   Receive                                                |  Transmit',
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
    ...[line('    lo', 5, 5), line('  eth0', 1000, 2000), line('wlan0', 30, 40), line('eth0.100', 7, 7)],
    ...[line('docker0', 9, 9), line('veth12ab', 9, 9), line('l4tbr0', 9, 9), line('tun0', 9, 9)],
  ].join('\n');
  assert.deepEqual(
    [...parseLinks(text)],
    [
      ['eth0', [1000, 2000]],
      ['wlan0', [30, 40]],
    ],
  );
});

test('a rate is of what was there before: a disk that was put in makes no leap', () => {
  const before = new Map([['a', [1_000, 1_000] as const]]);
  const now = new Map([
    ['a', [3_000, 500] as const], // Taken out and put in again: its counters began anew.
    ['b', [1e12, 1e12] as const],
  ]);
  assert.deepEqual(perSecond(before, now, 500), [4_000, 0]);
});

test('the charge is the lowest battery of the machine, not that of a mouse', async () => {
  const supply = (name: string, files: Tree): Tree =>
    Object.fromEntries(
      Object.entries(files).map(([file, text]) => [`sys/class/power_supply/${name}/${file}`, text]),
    );
  const { sensors, root } = await sensorsOf({
    ...supply('AC', { type: 'Mains', online: 1 }),
    ...supply('BAT0', { type: 'Battery', capacity: 80 }),
    ...supply('BAT1', { type: 'Battery', scope: 'System', capacity: 55 }),
    ...supply('hid-mouse', { type: 'Battery', scope: 'Device', capacity: 5 }),
  });
  assert.equal((await sensors.read(0)).fields.battery_percent, 55);
  set(root, 'sys/class/power_supply/BAT1/capacity', 255);
  assert.equal((await sensors.read(0)).fields.battery_percent, undefined);
  assert.equal(sensors.failing, 1);
});

test('a machine without sensors may have a model of its power, whose rail and source say estimate', async () => {
  const stat = (busy: number, idle: number) => `cpu  ${busy} 0 0 ${idle} 0 0 0 0 0 0`;
  const { root, sensors } = await sensorsOf({ 'proc/stat': stat(0, 0) }, { tdpWatts: 60, idleWatts: 10 });
  assert.equal(sensors.power!.source, 'estimate');
  assert.equal(await sensors.power!.read(0), undefined);
  set(root, 'proc/stat', stat(50, 50));
  assert.deepEqual(await sensors.power!.read(1), { rails: { estimate: 35 }, totalW: 35 });
  assert.deepEqual(await sensors.power!.read(2), { rails: { estimate: 35 }, totalW: 35 }); // No tick has passed.
  set(root, 'proc/stat', stat(50, 150));
  assert.equal((await sensors.power!.read(3))!.totalW, 10);
});

test('zones have short names of their own; one that is switched off tells nothing, and does not fail', async () => {
  const root = plant({
    ...zones({ acpitz: 40, 'cpu-thermal': -256, 'a zone with a very long name, and marks in it': 20 }),
    'sys/class/thermal/thermal_zone10/type': 'acpitz',
    'sys/class/thermal/thermal_zone10/temp': 41_000,
  });
  const board = new Board(root);
  const found = await findZones(board);
  assert.deepEqual(
    found.map(({ name }) => name),
    ['zone acpitz', 'zone cpu', 'zone a_zone_with_a_very_long_name_and', 'zone acpitz-1'],
  );
  const watch = new SensorWatch(silent);
  const { zones: told } = await watch.read(found, 0);
  assert.deepEqual(told, { acpitz: 40, a_zone_with_a_very_long_name_and: 20, 'acpitz-1': 41 });
  assert.equal(watch.failing, 0);
  await board.close();
});

test('EAGAIN is what a Jetson says of a zone that is switched off; any other error is one', async () => {
  const refusing = (code: string) => ({
    number: () => Promise.reject(Object.assign(new Error(code), { code })),
  });
  assert.equal(await celsius(refusing('EAGAIN')), undefined);
  await assert.rejects(celsius(refusing('ENODEV')), /ENODEV/);
});

test('a sensor that comes and goes is told once, and back when it was well for a while', async () => {
  const logged: string[] = [];
  const say = (message: string, facts = {}) => void logged.push(`${message} ${JSON.stringify(facts)}`);
  const watch = new SensorWatch({ info: say, warn: say });
  let well = true;
  const sensor: Sensor = {
    name: 'loose',
    async read() {
      if (!well) throw new Error('no contact');
      return { fields: { battery_percent: 50 } };
    },
  };
  const at = async (nowMs: number, isWell: boolean) => {
    well = isWell;
    await watch.read([sensor], nowMs);
    return watch.failing;
  };
  const counts = [
    await at(0, true),
    await at(1_000, false),
    await at(2_000, true),
    await at(3_000, false),
    await at(4_000, true),
    await at(13_999, true),
  ];
  assert.deepEqual(counts, [0, 1, 0, 1, 0, 0]);
  assert.deepEqual(logged, ['a sensor fails {"sensor":"loose","reason":"no contact"}']);
  await at(14_000, true);
  assert.deepEqual(logged[1], 'a sensor is back {"sensor":"loose"}');
  await at(15_000, false);
  assert.equal(logged.length, 3);
});

test('this machine tells its load, memory and room, and the memory of a process', {
  skip: !existsSync('/proc/stat') && 'no /proc',
}, async () => {
  const settings = { root: '/', everyMs: 1000, power: false, stateFolder: '.' };
  const sensors = await findSensors(settings, silent);
  await sensors.read(performance.now());
  for (let i = 0; i < 1e7; i++) Math.sqrt(i); // Ticks pass.
  const { fields } = await sensors.read(performance.now());
  for (const field of ['memory_used_bytes', 'memory_total_bytes', 'disk_free_bytes'] as const)
    assert.ok(fields[field]! > 1e6, field);
  assert.ok(fields.memory_used_bytes! < fields.memory_total_bytes!);
  assert.ok((await readRss(process.pid))! > 1e6);
  assert.equal(await readRss(2 ** 22 + 1), undefined);
  await sensors.stop();
});
