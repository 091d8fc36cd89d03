import type { Board } from './board.js';
import { boardWatts } from './ina3221.js';
import { Program, paceMs, silentMs } from './program.js';
import { type PowerRails, plausibleWatts, type Reading, type Sensor, tagOf, within } from './sensor.js';
import { plausibleC, zoneName } from './thermal.js';

/** What tells more than one thing, and must be ended. */
export interface Stream {
  gauges: Sensor[];
  power: PowerRails | undefined;
  stop(): Promise<void>;
}

/** Less than what the board's files tell. */
export const streamZones = 'zones of tegrastats';
const firstLineMs = 3_000;

/**
 * NVIDIA's `tegrastats`, for what the files of the board do not tell: it is a program of its own that must run, so
 * files come first. @param everyMs between samples
 */
export async function findTegrastats(board: Board, everyMs: number): Promise<Stream | undefined> {
  const path = await board.program('tegrastats');
  if (!path) return undefined;
  let newest: Reading | undefined;
  const program = new Program(path, ['--interval', String(paceMs(everyMs))], (line) => {
    const reading = parseTegrastats(line);
    newest = reading ?? newest;
    return reading !== undefined;
  });
  if (!(await program.heard(firstLineMs))) {
    await program.stop();
    return undefined;
  }
  const { rails = {} } = newest!;
  const told = (part: 'fields' | 'zones' | 'rails') => async (nowMs: number) => {
    program.requireHeard(silentMs, nowMs);
    return { [part]: checked(newest!)[part] ?? {} };
  };
  return {
    gauges: [
      { name: 'tegrastats', read: told('fields') },
      { name: streamZones, read: told('zones') },
    ],
    power:
      Object.keys(rails).length > 0
        ? {
            source: 'tegrastats',
            averages: false,
            sensors: [{ name: 'rails of tegrastats', read: told('rails') }],
            total: boardWatts,
          }
        : undefined,
    stop: () => program.stop(),
  };
}

/**
 * A line as NVIDIA's guide describes it (Developer Guide, tegrastats utility): "GR3D_FREQ 14%@[407,407]",
 * "EMC_FREQ 2%@2133", "cpu@45.5C", "VDD_IN 4067mW/4067mW" with the value now before the mean; without "mW" up to
 * JetPack 4. What a line does not name is not told. @returns undefined for a line that names nothing of it
 */
export function parseTegrastats(line: string): Reading | undefined {
  const gpu = /\bGR3D_FREQ (\d+)%(?:@\[?(\d+)(?:,\d+)*\]?)?/.exec(line);
  const emc = /\bEMC_FREQ (\d+)%(?:@(\d+))?/.exec(line);
  const zones: Record<string, number> = {};
  // -256 °C: the part is switched off.
  for (const [, name, c] of line.matchAll(/(?<= )([A-Za-z]\w*)@(-?\d+(?:\.\d+)?)C(?= |$)/g))
    if (!/^PMIC/i.test(name!) && Number(c) > -200) zones[zoneName(name!)] = Number(c);
  const rails: Record<string, number> = {};
  for (const [, name, mw] of line.matchAll(/(?<= )([A-Z0-9]\w*) (-?\d+)(?:mW)?\/-?\d+(?:mW)?(?= |$)/g))
    if (name !== 'NC') rails[tagOf(name!)] = Number(mw) / 1000;
  if (!gpu && !emc && Object.keys({ ...zones, ...rails }).length === 0) return undefined;
  return {
    fields: {
      gpu_percent: numberOf(gpu?.[1]),
      gpu_mhz: numberOf(gpu?.[2]),
      emc_percent: numberOf(emc?.[1]),
      emc_mhz: numberOf(emc?.[2]),
    },
    zones,
    rails,
  };
}

const numberOf = (text: string | undefined) => (text === undefined ? undefined : Number(text));

/** @throws where a number can't be */
function checked(reading: Reading): Reading {
  const { gpu_percent = 0, emc_percent = 0 } = reading.fields ?? {};
  within(gpu_percent, 0, 100, 'load of the GPU in %');
  within(emc_percent, 0, 100, 'load of the memory controller in %');
  for (const c of Object.values(reading.zones ?? {})) plausibleC(c);
  for (const watts of Object.values(reading.rails ?? {})) plausibleWatts(watts);
  return reading;
}
