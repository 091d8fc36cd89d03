import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Check, type Finding, note, ok } from './check.js';

/** Where a power sensor's files lie, by their folders. */
const powerFiles: readonly [folder: string, entry: RegExp, files: RegExp][] = [
  ['sys/class/powercap', /^intel-rapl:\d+(:\d+)?$/, /^energy_uj$/],
  ['sys/class/hwmon', /./, /^(curr\d|in\d|power\d)_input$/],
];

/** What a device can measure of its machine, and what is there but closed to this user. */
export const sensors: Check = {
  apart: true,
  applies: ({ service }) => service !== 'broker' && service !== 'coordinator',
  look: ({ settings }) => lookAt(settings.sensorRoot, settings.power),
};

/** @param root '/' but for tests */
export async function lookAt(root: string, power: boolean): Promise<Finding[]> {
  const { findSensors } = await import('../../device/sensors.js');
  const quiet = { info() {}, warn() {} };
  const found = await findSensors({ root, everyMs: 1000, power, stateFolder: '.' }, quiet);
  try {
    const names =
      found.names.length > 0
        ? ok(`found: ${found.names.join(', ')}`)
        : note('none found: nothing is measured');
    if (!power) return [names, note('power is not measured (--no-power)')];
    const closed = await unreadable(root);
    const closedFinding = closed.map((path) =>
      note(
        `${path} is there, but this user may not read it`,
        `let it: sudo chmod a+r ${path} (at each start, by a udev rule)`,
      ),
    );
    if (!found.power)
      return [
        names,
        note('no power sensor: joules are not told', 'with --tdp-watts they are estimated'),
        ...closedFinding,
      ];
    const reading = await found.power.read(performance.now());
    const now = reading?.totalW === undefined ? '' : `, ${reading.totalW.toFixed(1)} W now`;
    return [names, ok(`power from ${found.power.source}${now}`), ...closedFinding];
  } finally {
    await found.stop();
  }
}

async function unreadable(root: string): Promise<string[]> {
  const closed: string[] = [];
  for (const [folder, entry, files] of powerFiles)
    for (const name of await names(join(root, folder), entry))
      for (const file of await names(join(root, folder, name), files)) {
        const path = join(root, folder, name, file);
        const code = await open(path).then(
          (handle) => handle.close(),
          (error: NodeJS.ErrnoException) => error.code,
        );
        if (code === 'EACCES' || code === 'EPERM') closed.push(path);
      }
  return closed;
}

const names = async (folder: string, like: RegExp) =>
  (await readdir(folder).catch(() => [])).filter((name) => like.test(name)).sort();
