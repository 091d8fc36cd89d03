import { basename, join } from 'node:path';
import type { Board, SmallFile } from './board.js';
import { answers, type PowerRails, plausibleWatts, type Sensor, sumOf, tagOf } from './sensor.js';

/** A channel of a monitor chip: power as one number (JetPack 4), or voltage and current (5, 6, any Linux). */
type Channel = { label: string } & ({ powerMw: SmallFile } | { voltageMv: SmallFile; currentMa: SmallFile });

/** The monitor chips of Jetson boards, each with up to three rails. */
export async function findIna3221(board: Board): Promise<PowerRails | undefined> {
  const channels = [...(await hwmonChannels(board)), ...(await iioChannels(board))];
  const rails = new Map<string, Sensor>();
  for (const channel of channels) {
    if (!rails.has(channel.label) && (await answers(() => milliwatts(channel))))
      rails.set(channel.label, rail(channel));
  }
  if (rails.size === 0) return undefined;
  return { source: 'ina3221', averages: false, sensors: [...rails.values()], total: boardWatts };
}

const rail = (channel: Channel): Sensor => ({
  name: `rail ${channel.label}`,
  async read() {
    return { rails: { [channel.label]: plausibleWatts((await milliwatts(channel)) / 1000) } };
  },
});

async function milliwatts(channel: Channel): Promise<number> {
  if ('powerMw' in channel) return channel.powerMw.number();
  return ((await channel.voltageMv.number()) * (await channel.currentMa.number())) / 1000;
}

/**
 * Linux's driver (Documentation/hwmon/ina3221.rst): JetPack 5 and 6. Inputs 4 to 7 and current 4 are shunt
 * voltages and sums.
 */
async function hwmonChannels(board: Board): Promise<Channel[]> {
  const channels: Channel[] = [];
  for (const chip of await board.list('sys/class/hwmon')) {
    if ((await board.file(join(chip, 'name')).ifText()) !== 'ina3221') continue;
    for (const number of [1, 2, 3]) {
      const label = await board.file(join(chip, `in${number}_label`)).ifText();
      if (!label || label === 'NC') continue; // Not connected.
      channels.push({
        label: tagOf(label),
        voltageMv: board.file(join(chip, `in${number}_input`)),
        currentMa: board.file(join(chip, `curr${number}_input`)),
      });
    }
  }
  return channels;
}

/** NVIDIA's own driver (drivers/staging/iio/meter/ina3221.c of Linux for Tegra): JetPack 4 and before. */
async function iioChannels(board: Board): Promise<Channel[]> {
  const channels: Channel[] = [];
  for (const chip of await board.list('sys/bus/i2c/drivers/ina3221x', /^\d+-00/)) {
    for (const device of await board.list(chip, /^iio[:_]device\d*$/)) {
      for (const name of await board.list(device, /^rail_name_[0-2]$/)) {
        const label = await board.file(name).ifText();
        if (!label || label === 'NC') continue;
        const number = basename(name).slice(-1);
        channels.push({ label: tagOf(label), powerMw: board.file(join(device, `in_power${number}_input`)) });
      }
    }
  }
  return channels;
}

/** Rails that are a module's input by themselves: Orin NX and Nano, Xavier NX, TX2; Nano; and a name of NVIDIA's guide. */
const inputs = ['VDD_IN', 'POM_5V_IN', '5V_IN'];

/**
 * Rails that add up to a module without counting anything twice, where there is no single input.
 * AGX Orin: VDDQ_VDD2_1V8AO is within VIN_SYS_5V0 already (NVIDIA's guide to its platform power). AGX Xavier:
 * its module has no rail above these six.
 */
const sums = [
  ['VDD_GPU_SOC', 'VDD_CPU_CV', 'VIN_SYS_5V0'],
  ['GPU', 'CPU', 'SOC', 'CV', 'VDDRQ', 'SYS5V'],
];

/** Watts of a Jetson's module, its carrier board not included; undefined where a rail of the sum is missing. */
export function boardWatts(rails: Readonly<Record<string, number>>): number | undefined {
  for (const input of inputs) if (rails[input] !== undefined) return rails[input];
  return sums.map((labels) => sumOf(labels, rails)).find((watts) => watts !== undefined);
}
