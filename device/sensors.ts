import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Watts by rail. `totalW` is the board's or the package's; undefined where the rails add up to neither. */
export interface PowerReading {
  rails: Record<string, number>;
  totalW: number | undefined;
}

export interface PowerSensor {
  source: string;
  /** Watts are means since the reading before, not values of the moment. */
  averages: boolean;
  /** Undefined while there is nothing to tell, as at a counter's first reading. @param nowMs monotonic */
  read(nowMs: number): Promise<PowerReading | undefined>;
}

/**
 * Looks for one kind of sensor below a root folder; undefined where there is none, or none that may be read.
 */
type Finder = (root: string) => Promise<PowerSensor | undefined>;

const finders: Finder[] = [findIna3221, findRapl];

/** The first power sensor there is. @param root '/' but for tests */
export async function findPowerSensor(root: string): Promise<PowerSensor | undefined> {
  for (const find of finders) {
    const sensor = await find(root);
    if (sensor) return sensor;
  }
  return undefined;
}

/** The monitor chips of Jetson boards: millivolts and milliamperes of up to three rails each. */
async function findIna3221(root: string): Promise<PowerSensor | undefined> {
  const rails: { label: string; voltage: string; current: string }[] = [];
  for (const chip of await foldersOf(join(root, 'sys/class/hwmon'))) {
    if ((await textOf(join(chip, 'name'))) !== 'ina3221') continue;
    for (const channel of [1, 2, 3]) {
      // Inputs 4 to 7 and current 4 are shunt voltages and sums.
      const label = await textOf(join(chip, `in${channel}_label`));
      const [voltage, current] = [`in${channel}_input`, `curr${channel}_input`].map((name) =>
        join(chip, name),
      );
      if (!label || label === 'NC') continue;
      if ((await numberOf(voltage!)) === undefined || (await numberOf(current!)) === undefined) continue;
      rails.push({ label, voltage: voltage!, current: current! });
    }
  }
  if (rails.length === 0) return undefined;
  return {
    source: 'ina3221',
    averages: false,
    async read() {
      const watts: Record<string, number> = {};
      for (const { label, voltage, current } of rails) {
        const [mV, mA] = [await numberOf(voltage), await numberOf(current)];
        if (mV !== undefined && mA !== undefined) watts[label] = (mV * mA) / 1e6;
      }
      return { rails: watts, totalW: boardWatts(watts) };
    },
  };
}

/**
 * NVIDIA's guide: VDD_IN is the total where it is. Else the AGX Orin's three; its VDDQ_VDD2_1V8AO is a part
 * of VIN_SYS_5V0 already.
 */
function boardWatts(rails: Record<string, number>): number | undefined {
  if (rails.VDD_IN !== undefined) return rails.VDD_IN;
  const parts = ['VDD_GPU_SOC', 'VDD_CPU_CV', 'VIN_SYS_5V0'].map((label) => rails[label]);
  return parts.reduce<number | undefined>(
    (sum, watts) => (sum === undefined || watts === undefined ? undefined : sum + watts),
    0,
  );
}

/** Intel's and AMD's energy counters of each package (and its memory), in microjoules; they wrap around. */
async function findRapl(root: string): Promise<PowerSensor | undefined> {
  const zones: { label: string; path: string; range: number; lastUj: number }[] = [];
  for (const zone of await foldersOf(join(root, 'sys/class/powercap'))) {
    if (!/intel-rapl:\d+(:\d+)?$/.test(zone)) continue; // intel-rapl-mmio counts the same again.
    const label = await textOf(join(zone, 'name'));
    const range = await numberOf(join(zone, 'max_energy_range_uj'));
    const lastUj = await numberOf(join(zone, 'energy_uj'));
    if (!label || range === undefined || lastUj === undefined) continue;
    // Cores and graphics are within their package; memory isn't.
    if (label.startsWith('package') || label === 'dram') {
      const number = /intel-rapl:(\d+)/.exec(zone)?.[1];
      zones.push({
        label: label === 'dram' ? `dram-${number}` : label,
        path: join(zone, 'energy_uj'),
        range,
        lastUj,
      });
    }
  }
  if (zones.length === 0) return undefined;
  let lastMs: number | undefined;
  return {
    source: 'rapl',
    averages: true,
    async read(nowMs) {
      const seconds = lastMs === undefined ? 0 : (nowMs - lastMs) / 1000;
      const rails: Record<string, number> = {};
      for (const zone of zones) {
        const uj = await numberOf(zone.path);
        if (uj === undefined) return undefined;
        const spent = uj >= zone.lastUj ? uj - zone.lastUj : uj + zone.range - zone.lastUj;
        rails[zone.label] = spent / 1e6 / seconds;
        zone.lastUj = uj;
      }
      lastMs = nowMs;
      if (seconds <= 0) return undefined;
      return { rails, totalW: Object.values(rails).reduce((a, b) => a + b, 0) };
    },
  };
}

/** The hottest thermal zone, °C. */
export async function readTemperature(root: string): Promise<number | undefined> {
  let hottest: number | undefined;
  for (const zone of await foldersOf(join(root, 'sys/class/thermal'), /^thermal_zone/)) {
    const milli = await numberOf(join(zone, 'temp'));
    // Zones that are off read 0 or far below.
    if (milli !== undefined && milli > 0) hottest = Math.max(hottest ?? 0, milli / 1000);
  }
  return hottest;
}

/** Resident memory of a process in bytes, where Linux tells it. */
export async function readRss(root: string, pid: number): Promise<number | undefined> {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec((await textOf(join(root, `proc/${pid}/status`))) ?? '')?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

async function foldersOf(path: string, name = /./): Promise<string[]> {
  const names = await readdir(path).catch(() => []);
  return names
    .filter((entry) => name.test(entry))
    .sort()
    .map((entry) => join(path, entry));
}

async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
}

async function numberOf(path: string): Promise<number | undefined> {
  const text = await textOf(path);
  return text && /^-?\d+$/.test(text) ? Number(text) : undefined;
}
