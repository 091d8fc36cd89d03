import {
  closeSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export type Tree = Record<string, string | number>;

const folder = mkdtempSync(join(tmpdir(), 'fleetune-sensors-'));
process.on('exit', () => rmSync(folder, { recursive: true }));
let trees = 0;

/** A root folder with such files; those below a bin folder are programs. */
export function plant(tree: Tree): string {
  const root = join(folder, String(trees++));
  mkdirSync(root);
  for (const [path, text] of Object.entries(tree)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${text}\n`, { mode: /(^|\/)s?bin\//.test(path) ? 0o755 : 0o644 });
  }
  return root;
}

/** In one write, as whoever reads the file meanwhile should see the old text or the new one. */
export function set(root: string, path: string, text: string | number): void {
  const fd = openSync(join(root, path), 'r+');
  writeSync(fd, `${text}\n`.padEnd(fstatSync(fd).size), 0);
  closeSync(fd);
}

/** A chip of Linux's driver: what it measures of each channel, and the shunt voltages and sums that it adds. */
export const hwmonChip = (
  hwmon: number,
  rails: Record<number, [label: string, mV: number, mA: number]>,
): Tree => ({
  [`sys/class/hwmon/hwmon${hwmon}/name`]: 'ina3221',
  ...Object.fromEntries(
    Object.entries(rails).flatMap(([channel, [label, mV, mA]]) => [
      [`sys/class/hwmon/hwmon${hwmon}/in${channel}_label`, label],
      [`sys/class/hwmon/hwmon${hwmon}/in${channel}_input`, mV],
      [`sys/class/hwmon/hwmon${hwmon}/curr${channel}_input`, mA],
      [`sys/class/hwmon/hwmon${hwmon}/in${Number(channel) + 3}_input`, 40],
    ]),
  ),
  [`sys/class/hwmon/hwmon${hwmon}/in7_label`]: 'sum of shunt voltages',
  [`sys/class/hwmon/hwmon${hwmon}/in7_input`]: 120,
  [`sys/class/hwmon/hwmon${hwmon}/curr4_input`]: 9_999,
});

/** A chip of NVIDIA's driver of JetPack 4, whose channels count from 0. */
export const iioChip = (address: string, device: number, rails: [label: string, mW: number][]): Tree =>
  Object.fromEntries(
    rails.flatMap(([label, mW], channel) => {
      const at = `sys/bus/i2c/drivers/ina3221x/${address}/iio:device${device}`;
      return [
        [`${at}/rail_name_${channel}`, label],
        [`${at}/in_voltage${channel}_input`, 5_000],
        [`${at}/in_current${channel}_input`, Math.round(mW / 5)],
        [`${at}/in_power${channel}_input`, mW],
      ];
    }),
  );

export const zones = (celsius: Record<string, number>): Tree =>
  Object.fromEntries(
    Object.entries(celsius).flatMap(([type, c], i) => [
      [`sys/class/thermal/thermal_zone${i}/type`, type],
      [`sys/class/thermal/thermal_zone${i}/temp`, Math.round(c * 1000)],
    ]),
  );
