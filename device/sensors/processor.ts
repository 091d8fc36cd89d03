import os from 'node:os';
import { join } from 'node:path';
import { type Board, firstBytes, type SmallFile } from './board.js';
import { answers, type Sensor, within } from './sensor.js';

/** Time of all cores since the start, in ticks. */
export interface CpuTimes {
  busy: number;
  all: number;
}

/** Where there is no /proc, Node knows. @returns times, how to read them */
export async function cpuTimesOf(board: Board): Promise<() => Promise<CpuTimes>> {
  const stat = board.file('proc/stat', firstBytes);
  const read = async () => parseCpuTimes(await stat.text());
  return (await answers(read)) ? read : async () => nodeTimes();
}

/** "cpu user nice system idle iowait irq softirq steal …" @throws where there is no such line */
export function parseCpuTimes(stat: string): CpuTimes {
  const line = /^cpu +(\d[\d ]*)$/m.exec(stat)?.[1];
  if (!line) throw new Error('/proc/stat: no line of all cores');
  const ticks = line.split(' ').slice(0, 8).map(Number); // Guests' time is in the user's already.
  const all = ticks.reduce((a, b) => a + b, 0);
  return { busy: all - (ticks[3] ?? 0) - (ticks[4] ?? 0), all };
}

function nodeTimes(): CpuTimes {
  let [busy, all] = [0, 0];
  for (const { times } of os.cpus()) {
    const total = Object.values(times).reduce((a, b) => a + b, 0);
    all += total;
    busy += total - times.idle;
  }
  return { busy, all };
}

/** 0..1 between two times; undefined where no tick has passed. */
export const busyShare = (before: CpuTimes, now: CpuTimes) =>
  now.all > before.all ? Math.max(0, (now.busy - before.busy) / (now.all - before.all)) : undefined;

export async function findCpuLoad(board: Board): Promise<Sensor[]> {
  const times = await cpuTimesOf(board);
  let last = await times();
  return [
    {
      name: 'processor load',
      async read() {
        const [before, now] = [last, await times()];
        last = now;
        const share = busyShare(before, now);
        return share === undefined ? undefined : { fields: { cpu_percent: 100 * share } };
      },
    },
  ];
}

/** Cores share a policy, as those of a cluster do. More would cost more than their mean is worth. */
const maxPolicies = 16;

/** Clock of the cores: the mean of their policies, each by its cores; else what /proc/cpuinfo says. */
export async function findCpuClock(board: Board): Promise<Sensor[]> {
  const policies: { khz: SmallFile; cores: number }[] = [];
  for (const policy of spread(
    await board.list('sys/devices/system/cpu/cpufreq', /^policy\d+$/),
    maxPolicies,
  )) {
    const khz = board.file(join(policy, 'scaling_cur_freq'));
    const cores = (await board.file(join(policy, 'related_cpus')).ifText())?.split(' ').length ?? 1;
    if ((await khz.ifNumber()) !== undefined) policies.push({ khz, cores });
  }
  const read = policies.length > 0 ? () => meanOfPolicies(policies) : cpuinfoClock(board);
  if (!(await answers(read))) return [];
  return [
    {
      name: 'processor clock',
      read: async () => ({
        fields: { cpu_mhz: within(await read(), 0, 20_000, 'clock of the processor in MHz') },
      }),
    },
  ];
}

/** Cores that are switched off, as a power mode does, take their policy with them. */
async function meanOfPolicies(policies: readonly { khz: SmallFile; cores: number }[]): Promise<number> {
  let [sum, cores] = [0, 0];
  for (const policy of policies) {
    const khz = await policy.khz.ifNumber();
    if (khz === undefined) continue;
    sum += khz * policy.cores;
    cores += policy.cores;
  }
  if (cores === 0) throw new Error('no core tells its clock');
  return sum / cores / 1000;
}

function cpuinfoClock(board: Board): () => Promise<number> {
  const cpuinfo = board.file('proc/cpuinfo');
  return async () => {
    const mhz = [...(await cpuinfo.text()).matchAll(/^cpu MHz\s*: ([\d.]+)$/gm)].map((m) => Number(m[1]));
    if (mhz.length === 0) throw new Error('/proc/cpuinfo: no clock');
    return mhz.reduce((a, b) => a + b, 0) / mhz.length;
  };
}

/** Some of them, evenly. */
const spread = <T>(all: readonly T[], most: number): T[] =>
  all.length <= most
    ? [...all]
    : Array.from({ length: most }, (_, i) => all[Math.floor((i * all.length) / most)]!);
