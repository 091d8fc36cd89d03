import { readFile } from 'node:fs/promises';
import type { Log } from '../runtime/log.js';
import { findBattery } from './sensors/battery.js';
import { Board } from './sensors/board.js';
import { estimatePower, type PowerModel } from './sensors/estimate.js';
import { findIna3221 } from './sensors/ina3221.js';
import { findEmc, findJetsonGpu, findPowerMode } from './sensors/jetson.js';
import { findNvidiaSmi } from './sensors/nvidia-smi.js';
import { findCpuClock, findCpuLoad } from './sensors/processor.js';
import { findRapl } from './sensors/rapl.js';
import type { Finder, PowerRails, Reading, Sensor } from './sensors/sensor.js';
import { findTegrastats, type Stream, streamZones } from './sensors/tegrastats.js';
import { findZones } from './sensors/thermal.js';
import { findDiskRates, findDiskRoom, findLinkRates, findMemory } from './sensors/traffic.js';
import { SensorWatch } from './sensors/watch.js';

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

export interface SensorSettings {
  /** '/' but for tests. */
  root: string;
  /** Between two lines of programs that print them. */
  everyMs: number;
  /** Whether power sensors are looked for, and programs run: of several devices on a machine, one. */
  power: boolean;
  /** Where there is none. */
  model?: PowerModel | undefined;
  /** Where the state is: its room is told. */
  stateFolder: string;
}

/** All that a machine tells of itself. */
export interface Sensors {
  power: PowerSensor | undefined;
  /** Names of what was found. */
  names: string[];
  /** How many were there and answer no more, or nonsense. */
  readonly failing: number;
  /** All but power. @param nowMs monotonic */
  read(nowMs: number): Promise<Required<Reading>>;
  stop(): Promise<void>;
}

/** What every machine may have; what a later one tells stands above what an earlier one does. */
const finders: Finder[] = [
  findCpuLoad,
  findCpuClock,
  findMemory,
  findDiskRates,
  findLinkRates,
  findZones,
  findJetsonGpu,
  findEmc,
  findPowerMode,
  findBattery,
];

/** Looks for all sensors of this machine. Those that do not answer now are not there. */
export async function findSensors(
  settings: SensorSettings,
  log: Pick<Log, 'info' | 'warn'>,
): Promise<Sensors> {
  const board = new Board(settings.root);
  const watch = new SensorWatch(log);
  const gauges: Sensor[] = [];
  for (const find of finders) gauges.push(...(await find(board)));
  gauges.push(...(await findDiskRoom(settings.stateFolder)));
  const { rails, stream } = settings.power ? await findRails(board, settings, gauges) : {};
  const zoned = gauges.some(({ name }) => name.startsWith('zone '));
  gauges.unshift(...(stream?.gauges ?? []).filter(({ name }) => !zoned || name !== streamZones));
  const denied = board.denied.filter((path) => /powercap|hwmon|ina3221/.test(path));
  if (settings.power && denied.length > 0)
    log.warn('power sensors that this user may not read', { files: denied.slice(0, 5) });
  return {
    power: rails && powerSensor(rails, watch),
    names: [...gauges, ...(rails?.sensors ?? [])].map(({ name }) => name),
    get failing() {
      return watch.failing;
    },
    read: (nowMs) => watch.read(gauges, nowMs),
    async stop() {
      await stream?.stop();
      await board.close();
    },
  };
}

/** The machine's power sensor alone, and what ends it. @param root '/' but for tests */
export async function findPowerSensor(
  root: string,
  everyMs = 1000,
): Promise<(PowerSensor & Pick<Sensors, 'stop'>) | undefined> {
  const board = new Board(root);
  const { rails, stream } = await findRails(board, { everyMs }, await findJetsonGpu(board));
  const stop = async () => {
    await stream?.stop();
    await board.close();
  };
  if (rails) return { ...powerSensor(rails, new SensorWatch({ info() {}, warn() {} })), stop };
  await stop();
  return undefined;
}

interface Rails {
  rails?: PowerRails | undefined;
  stream?: Stream | undefined;
}

/**
 * The rails that a machine has, else its model. A program is run only for what files do not tell: on a Jetson rails
 * or the GPU's load, and to root the load of the memory controller; elsewhere the GPUs of an NVIDIA driver.
 */
async function findRails(
  board: Board,
  { everyMs, model }: Pick<SensorSettings, 'everyMs' | 'model'>,
  gauges: readonly Sensor[],
): Promise<Rails> {
  const ina3221 = await findIna3221(board);
  const gpu = gauges.some(({ name }) => name === 'GPU load');
  const wanted = !ina3221 || !gpu || process.getuid?.() === 0;
  const stream =
    (wanted ? await findTegrastats(board, everyMs) : undefined) ??
    (ina3221 || gpu ? undefined : await findNvidiaSmi(board, everyMs));
  const found = ina3221 ?? together([await findRapl(board), stream?.power]);
  return { rails: found ?? (model && (await estimatePower(board, model))), stream };
}

/** Sensors of different parts of one machine, as one. */
function together(parts: readonly (PowerRails | undefined)[]): PowerRails | undefined {
  const there = parts.filter((part) => part !== undefined);
  if (there.length < 2) return there[0];
  return {
    source: there.map(({ source }) => source).join('-'),
    averages: there.some(({ averages }) => averages),
    sensors: there.flatMap(({ sensors }) => sensors),
    total(rails) {
      const watts = there.map((part) => part.total(rails) ?? Number.NaN).reduce((a, b) => a + b, 0);
      return Number.isNaN(watts) ? undefined : watts;
    },
  };
}

function powerSensor({ source, averages, sensors, total }: PowerRails, watch: SensorWatch): PowerSensor {
  return {
    source,
    averages,
    async read(nowMs) {
      const { rails } = await watch.read(sensors, nowMs);
      return Object.keys(rails).length === 0 ? undefined : { rails, totalW: total(rails) };
    },
  };
}

/** Resident memory of a process of ours in bytes, where Linux tells it. */
export async function readRss(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}
