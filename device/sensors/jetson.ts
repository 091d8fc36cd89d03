import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Board } from './board.js';
import { answers, type Sensor, within } from './sensor.js';

const mhzOf = (hz: number, what: string) => within(hz / 1e6, 0, 20_000, `clock of the ${what} in MHz`);

/** Where the load is on boards whose devfreq folder has no link to the device. */
const loads = [
  'sys/devices/gpu.0/load',
  'sys/devices/platform/gpu.0/load',
  'sys/devices/platform/bus@0/17000000.gpu/load',
  'sys/devices/platform/17000000.gpu/load',
];

/** The GPU of a Jetson: 17000000.gv11b, .ga10b, .gpu by JetPack. Its load is told in thousandths. */
export async function findJetsonGpu(board: Board): Promise<Sensor[]> {
  const [clock] = await board.list('sys/class/devfreq', /\.(gp10b|gv11b|ga10b|gpu)$/);
  const paths = [...(clock ? [join(clock, 'device/load')] : []), ...loads];
  const sensors: Sensor[] = [];
  for (const path of paths) {
    const load = board.file(path);
    if ((await load.ifNumber()) === undefined) continue;
    sensors.push({
      name: 'GPU load',
      read: async () => ({
        fields: { gpu_percent: within((await load.number()) / 10, 0, 100, 'load of the GPU in %') },
      }),
    });
    break;
  }
  const hz = clock ? board.file(join(clock, 'cur_freq')) : undefined;
  if (hz && (await hz.ifNumber()) !== undefined)
    sensors.push({
      name: 'GPU clock',
      read: async () => ({ fields: { gpu_mhz: mhzOf(await hz.number(), 'GPU') } }),
    });
  return sensors;
}

/**
 * The clock of the memory controller, which debugfs shows to root alone. The counters of its load beside it have
 * units that NVIDIA does not document: only tegrastats tells that.
 */
export async function findEmc(board: Board): Promise<Sensor[]> {
  for (const path of ['bpmp/debug/clk/emc/rate', 'clk/emc/clk_rate', 'clk/override.emc/clk_rate']) {
    const hz = board.file(join('sys/kernel/debug', path));
    if ((await hz.ifNumber()) === undefined) continue;
    return [
      {
        name: 'EMC clock',
        read: async () => ({ fields: { emc_mhz: mhzOf(await hz.number(), 'memory controller') } }),
      },
    ];
  }
  return [];
}

/** The number of the mode, in the file where nvpmodel keeps it: "pmode:0002", on some boards with the fan's mode. */
export async function findPowerMode(board: Board): Promise<Sensor[]> {
  const path = join(board.root, 'var/lib/nvpmodel/status');
  // Not kept open: nvpmodel may put another file in its place.
  const mode = async () => {
    const text = (await readFile(path, 'utf8')).slice(0, 200);
    const number = /\bpmode:(\d{1,4})\b/.exec(text)?.[1];
    if (number === undefined) throw new Error(`${path}: "${text.trim().slice(0, 40)}" names no pmode`);
    return Number(number);
  };
  return (await answers(mode))
    ? [{ name: 'power mode', read: async () => ({ fields: { power_mode: await mode() } }) }]
    : [];
}
