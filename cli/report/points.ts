import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { MeasurementName } from '../../schemas/measurements.js';
import type { Point } from '../../schemas/messages.js';
import type { RunSummary } from '../../schemas/status.js';
import { parseLine } from '../../telemetry/point.js';

/** Points of a run, in the order of their times. */
export interface RunPoints {
  points: readonly Point[];
  /** Whether there were more than are kept here. */
  cut: boolean;
}

/** Of which a report tells: those of a run by its tag, a board's by their time. */
const ofRun: readonly MeasurementName[] = ['training', 'task', 'network', 'round'];
const maxPoints = 500_000;

/** Reads the points of a run in line protocol, as a spool that nobody emptied keeps them. Other lines are passed over. */
export async function readPoints(folders: readonly string[], run: RunSummary): Promise<RunPoints> {
  const points: Point[] = [];
  const seen = new Set<string>(); // A point handed over twice, or kept in two of the folders, counts once.
  for (const folder of folders) {
    const names = (await readdir(folder)).filter((name) => name.endsWith('.lp')).sort();
    for (const name of names) {
      for await (const line of createInterface({ input: createReadStream(join(folder, name)) })) {
        const point = pointOfRun(line, run);
        if (!point || seen.has(line)) continue;
        if (points.length === maxPoints) return { points: inTime(points), cut: true };
        seen.add(line);
        points.push(point);
      }
    }
  }
  return { points: inTime(points), cut: false };
}

function pointOfRun(line: string, { run, startedAt, endedAt }: RunSummary): Point | undefined {
  const isPower = line.startsWith('power,');
  if (!isPower && !line.includes(run)) return undefined;
  const point = parseLine(line);
  if (!point) return undefined;
  if (!isPower)
    return ofRun.some((name) => name === point.measurement) && point.tags.run === run ? point : undefined;
  const during = point.timeMs >= Date.parse(startedAt) && point.timeMs <= Date.parse(endedAt);
  return during && point.tags.rail === 'total' ? point : undefined;
}

const inTime = (points: Point[]) => points.sort((a, b) => a.timeMs - b.timeMs);
