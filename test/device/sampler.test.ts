import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { everySensor } from '../../bench/boards/jetsons.js';
import { hwmonChip, plant, set, type Tree, zones } from '../../bench/boards/tree.js';
import { type Sampler, type SamplerSettings, startSampler } from '../../device/sampler.js';
import { measurements } from '../../schemas/measurements.js';
import type { Point } from '../../schemas/messages.js';

const orin = hwmonChip(3, {
  1: ['VDD_GPU_SOC', 20_000, 500],
  2: ['VDD_CPU_CV', 19_000, 200],
  3: ['VIN_SYS_5V0', 5_000, 1_000],
});

interface Rig {
  root: string;
  sampler: Sampler;
  points: Point[];
  logged: string[];
  /** Points of the next samples, so many. */
  samples(count: number): Promise<Point[][]>;
}

async function rig(t: TestContext, tree: Tree, changed: Partial<SamplerSettings> = {}): Promise<Rig> {
  const root = plant(tree);
  const logged: string[] = [];
  const points: Point[] = [];
  let heard: (points: Point[]) => void = () => {};
  const say = (message: string, facts?: Record<string, unknown>) =>
    void logged.push(`${message} ${JSON.stringify(facts)}`);
  const settings: SamplerSettings = {
    everyMs: 3_600_000,
    taskEveryMs: 3_600_000,
    power: true,
    root,
    stateFolder: root,
    deviceId: 'a',
    trainerPid: () => undefined,
    log: { info: say, warn: say },
    ...changed,
  };
  const sampler = await startSampler(settings, (sampled) => {
    points.push(...sampled);
    heard(sampled);
  });
  t.after(() => sampler.stop());
  const samples = (count: number) =>
    new Promise<Point[][]>((resolve) => {
      const some: Point[][] = [];
      heard = (sampled) => {
        some.push(sampled);
        if (some.length === count) resolve(some);
      };
    });
  return { root, sampler, points, logged, samples };
}

test('a task is measured from its beginning to its end, however short', async (t) => {
  const { sampler } = await rig(t, orin);
  const from = performance.now();
  const { joules } = (await sampler.measure().end())!;
  const seconds = (performance.now() - from) / 1000;
  assert.ok(joules > 0 && joules <= 18.8 * seconds, `${joules} J in ${seconds} s`);
  await sampler.stop();
});

test('without a sensor, or where it is not to be read, a task has no joules, and the log says so', async (t) => {
  for (const [power, tree] of [
    [true, {}],
    [false, orin],
  ] as const) {
    const { sampler, logged } = await rig(t, tree, { power, powerModel: undefined });
    assert.equal(sampler.source, 'none');
    assert.equal(await sampler.measure().end(), undefined);
    assert.match(logged.join(), /"power":"none"/);
    assert.equal(/no power sensor/.test(logged.join()), power);
    await sampler.stop();
  }
});

test('samples are points of the board, the process and its trainer, of each zone and each rail', async (t) => {
  const { sampler, samples } = await rig(
    t,
    { ...orin, ...zones({ 'cpu-thermal': 45.5, 'tj-thermal': 51 }) },
    { everyMs: 5, taskEveryMs: 5, trainerPid: () => process.pid },
  );
  const [points] = await samples(1);
  await sampler.stop();
  const [utilization, cpu, tj, ...power] = points!;
  assert.equal(utilization!.measurement, 'utilization');
  const { fields } = utilization!;
  assert.ok(fields.trainer_rss_bytes! > 1e6);
  assert.ok(fields.service_rss_bytes! > 1e6);
  assert.ok(fields.disk_free_bytes! > 0);
  assert.ok(fields.sampling_ms! >= 0);
  assert.equal(fields.temperature_c, 51);
  assert.equal(fields.sensors_failing, 0);
  assert.deepEqual(
    [cpu, tj].map((p) => [p!.measurement, p!.tags.zone, p!.fields.celsius]),
    [
      ['temperature', 'cpu', 45.5],
      ['temperature', 'tj', 51],
    ],
  );
  assert.deepEqual(
    power.map(({ tags, fields }) => [tags.rail, tags.source, fields.watts]),
    [
      ['VDD_GPU_SOC', 'ina3221', 10],
      ['VDD_CPU_CV', 'ina3221', 3.8],
      ['VIN_SYS_5V0', 'ina3221', 5],
      ['total', 'ina3221', 18.8],
    ],
  );
  for (const point of points!) {
    const { tags, fields } = measurements[point.measurement as keyof typeof measurements];
    assert.deepEqual(
      Object.keys(point.tags).filter((tag) => !(tags as readonly string[]).includes(tag)),
      [],
    );
    assert.deepEqual(
      Object.keys(point.fields).filter((field) => !(field in fields)),
      [],
    );
  }
});

test('no field of the table is without a writer', {
  skip: !existsSync('/bin/sh') && 'no /bin/sh',
}, async (t) => {
  const { sampler, samples } = await rig(t, everySensor, {
    everyMs: 50, // Processor time has ticks of 10 ms.
    taskEveryMs: 50,
    trainerPid: () => process.pid,
  });
  const taken = (await samples(2)).flat();
  await sampler.stop();
  for (const name of ['utilization', 'temperature', 'power'] as const) {
    const written = taken.filter((p) => p.measurement === name).flatMap((p) => Object.keys(p.fields));
    assert.deepEqual([...new Set(written)].sort(), Object.keys(measurements[name].fields).sort());
  }
});

test('samples come more often while a task runs', async (t) => {
  const { sampler, points, samples } = await rig(t, orin, { everyMs: 3_600_000, taskEveryMs: 10 });
  const measured = sampler.measure();
  await samples(3);
  assert.ok((await measured.end())!.joules > 0);
  const count = points.length;
  await sampler.stop();
  assert.equal(points.length, count);
});

test('a sensor that vanishes is told once, counted, and told again when it is back', async (t) => {
  const { root, sampler, logged, samples } = await rig(
    t,
    { ...orin, ...zones({ 'cpu-thermal': 45.5, 'tj-thermal': 51 }) },
    { everyMs: 5, taskEveryMs: 5 },
  );
  const temp = 'sys/class/thermal/thermal_zone1/temp';
  const gone = 'sys/class/hwmon/hwmon3/curr1_input';
  set(root, temp, 'warm');
  set(root, gone, 4_000_000);
  const [, failing] = await samples(2);
  assert.equal(failing![0]!.fields.sensors_failing, 2);
  assert.equal(failing![0]!.fields.temperature_c, 45.5);
  const rails = failing!.filter((p) => p.measurement === 'power').map((p) => p.tags.rail);
  assert.deepEqual(rails, ['VDD_CPU_CV', 'VIN_SYS_5V0']);
  assert.equal(await sampler.measure().end(), undefined);
  assert.equal(logged.filter((line) => line.startsWith('a sensor fails')).length, 2);
  assert.match(logged.join('\n'), /"zone tj","reason":".*\\"warm\\" is no number/);
  set(root, temp, 52_000);
  set(root, gone, 500);
  const [, back] = await samples(2);
  assert.equal(back![0]!.fields.sensors_failing, 0);
  assert.equal(back![0]!.fields.temperature_c, 52);
  rmSync(join(root, temp));
  await sampler.stop();
});
