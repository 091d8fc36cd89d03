import { join } from 'node:path';
import type { Board, SmallFile } from './board.js';
import { answers, type Sensor, tagOf, within } from './sensor.js';

const maxZones = 32;
/** What zones of a part that is switched off answer: Jetson's CV cores, a radio. */
const off = ['EAGAIN', 'ENODATA'];
const offC = -200;

/** Thermal zones, each by its name; a second one of a name gets a number. */
export async function findZones(board: Board): Promise<Sensor[]> {
  const zones: Sensor[] = [];
  const taken = new Set<string>();
  for (const folder of await board.list('sys/class/thermal', /^thermal_zone\d+$/)) {
    const type = await board.file(join(folder, 'type')).ifText();
    // Jetsons up to Xavier have a PMIC zone that always says 100 °C, or 50.
    if (!type || /^PMIC/i.test(type) || zones.length >= maxZones) continue;
    const temp = board.file(join(folder, 'temp'));
    if (await answers(() => celsius(temp))) zones.push(zone(unlike(taken, zoneName(type)), temp));
  }
  return zones;
}

/** "cpu" of "cpu-thermal" (JetPack 6), "CPU" of "CPU-therm" (4, 5), "Tboard" of "Tboard_tegra". */
export const zoneName = (type: string) => tagOf(type.replace(/[-_](thermal|therm|tegra)$/, ''));

function unlike(taken: Set<string>, name: string): string {
  let [free, number] = [name, 1];
  while (taken.has(free)) free = `${name}-${number++}`;
  taken.add(free);
  return free;
}

const zone = (name: string, temp: SmallFile): Sensor => ({
  name: `zone ${name}`,
  async read() {
    const now = await celsius(temp);
    return now === undefined ? undefined : { zones: { [name]: plausibleC(now) } };
  },
});

export const plausibleC = (c: number) => within(c, -60, 150, 'temperature in °C');

/** Undefined: the part is switched off. */
export async function celsius(temp: Pick<SmallFile, 'number'>): Promise<number | undefined> {
  try {
    const c = (await temp.number()) / 1000;
    return c <= offC ? undefined : c;
  } catch (error) {
    if (off.includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
