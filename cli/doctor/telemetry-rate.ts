import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseLine } from '../../telemetry/point.js';

/** Of a device's points about one sample: utilization, zones and a few rails. Measured, on a machine with few of them. */
const typicalSampleBytes = 600;
const leastMeasuredMs = 10_000;

export interface Spooled {
  bytes: number;
  bytesPerSecond: number;
  /** The rate is that of the points which wait there; else it is a usual one. */
  measured: boolean;
}

/** What waits in the folder of a device's spool, and how fast more comes. */
export async function spooled(folder: string, telemetryS: number): Promise<Spooled> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.lp')).sort();
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        (s) => s.size,
        () => 0,
      ),
    ),
  );
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const newest = names.at(-1) && (await readFile(join(folder, names.at(-1)!), 'utf8').catch(() => ''));
  const times = (newest || '').split('\n').flatMap((line) => parseLine(line)?.timeMs ?? []);
  const spanMs = Math.max(...times) - Math.min(...times);
  if (!(spanMs >= leastMeasuredMs))
    return { bytes, bytesPerSecond: typicalSampleBytes / telemetryS, measured: false };
  return { bytes, bytesPerSecond: (newest!.length / spanMs) * 1000, measured: true };
}
