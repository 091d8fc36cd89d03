/**
 * What reading the sensors costs: `node dist/bench/sensors.js [SECONDS]` samples this machine, and the files of an AGX
 * Orin, for so long each, once and ten times a second. It prints the processor time of this process, its file threads
 * included. What a chip of a real board takes to answer is not in it.
 */

import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { startSampler } from '../device/sampler.js';
import { jetsons } from './boards/jetsons.js';
import { plant, type Tree } from './boards/tree.js';
import { markdown } from './markdown.js';

const seconds = Number(process.argv[2] ?? 20);
const orin = jetsons.find(({ name }) => name === 'AGX Orin, JetPack 5')!;

const policies = [0, 4, 8].map((number) => `sys/devices/system/cpu/cpufreq/policy${number}`);
const board: Tree = {
  ...orin.tree,
  ...Object.fromEntries(policies.map((policy) => [`${policy}/scaling_cur_freq`, 2_188_800])),
  ...Object.fromEntries(policies.map((policy) => [`${policy}/related_cpus`, '0 1 2 3'])),
  'sys/kernel/debug/bpmp/debug/clk/emc/rate': 3_199_000_000,
  ...Object.fromEntries(
    ['stat', 'meminfo', 'diskstats', 'net/dev'].map((name) => [
      `proc/${name}`,
      readFileSync(`/proc/${name}`, 'utf8'),
    ]),
  ),
};

interface Cost {
  machine: string;
  perSecond: number;
  values: number;
  msASample: number;
  percentOfCore: number;
}

/** ms of processor time in so many seconds. */
async function spentMs(): Promise<number> {
  const before = process.cpuUsage();
  await wait(seconds * 1000);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

async function cost(machine: string, root: string, perSecond: number): Promise<Cost> {
  let [samples, values, counts] = [0, 0, false];
  const everyMs = 1000 / perSecond;
  const sampler = await startSampler(
    {
      ...{ everyMs, taskEveryMs: everyMs, power: true, root, stateFolder: '.', deviceId: 'bench' },
      trainerPid: () => process.pid,
      log: { info() {}, warn() {} },
    },
    (points) => {
      if (counts) samples++;
      values = points.reduce((sum, { fields }) => sum + Object.keys(fields).length, 0);
    },
  );
  await wait(3_000);
  counts = true;
  const ms = await spentMs();
  await sampler.stop();
  return { machine, perSecond, values, msASample: ms / samples, percentOfCore: ms / seconds / 10 };
}

const roots = { 'this machine': '/', [orin.name]: plant(board) };
const costs: Cost[] = [];
for (const [machine, root] of Object.entries(roots))
  for (const perSecond of [1, 10]) costs.push(await cost(machine, root, perSecond));
console.log(markdown(costs));
const worst = Math.max(...costs.filter(({ perSecond }) => perSecond === 1).map((c) => c.percentOfCore));
console.log(`\nonce a second: ${worst.toFixed(2)} % of a core at most, over ${seconds} s each`);
