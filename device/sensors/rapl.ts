import { join } from 'node:path';
import type { Board } from './board.js';
import { type PowerRails, plausibleWatts, type Sensor, sumOf, tagOf } from './sensor.js';

/** Intel's and AMD's energy counters of each package, and of its memory; each is its own rail. */
export async function findRapl(board: Board): Promise<PowerRails | undefined> {
  const zones = new Map<string, Sensor>();
  // intel-rapl-mmio counts the same again.
  for (const zone of await board.list('sys/class/powercap', /^intel-rapl:\d+(:\d+)?$/)) {
    const label = await board.file(join(zone, 'name')).ifText();
    // Cores and graphics are within their package; memory isn't.
    if (!label || !(label.startsWith('package') || label === 'dram')) continue;
    const package_ = /intel-rapl:(\d+)/.exec(zone)![1];
    const rail = tagOf(label === 'dram' ? `dram-${package_}` : label);
    const sensor = await counter(board, zone, rail);
    if (sensor) zones.set(rail, sensor);
  }
  if (zones.size === 0) return undefined;
  return {
    source: 'rapl',
    averages: true,
    sensors: [...zones.values()],
    total: (rails) => sumOf([...zones.keys()], rails),
  };
}

/** A counter in microjoules that wraps around at its range; what it tells is the mean since the reading before. */
async function counter(board: Board, zone: string, label: string): Promise<Sensor | undefined> {
  const energy = board.file(join(zone, 'energy_uj'));
  const range = await board.file(join(zone, 'max_energy_range_uj')).ifNumber();
  if (range === undefined || (await energy.ifNumber()) === undefined) return undefined;
  let last: { uj: number; atMs: number } | undefined;
  return {
    name: `rail ${label}`,
    async read(nowMs) {
      const before = last;
      const uj = await energy.number();
      last = { uj, atMs: nowMs };
      if (!before || nowMs <= before.atMs) return undefined;
      const spentUj = uj >= before.uj ? uj - before.uj : uj + range - before.uj;
      return { rails: { [label]: plausibleWatts(spentUj / 1e6 / ((nowMs - before.atMs) / 1000)) } };
    },
  };
}
