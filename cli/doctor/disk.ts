import { open, rm, statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { nearest } from '../../runtime/files.js';
import { bytesText, secondsText } from '../tables.js';
import { type Check, type Finding, note, ok, problem, type Subject } from './check.js';
import { spooled } from './telemetry-rate.js';

/** Beside what the spool may take: adapters, updates, a new version of the file that is replaced. */
const spareBytes = 256 * 2 ** 20;

/** The folder of what must survive: there, writable, with room, and how long an outage its spool lasts. */
export const disk: Check = {
  apart: true,
  applies: ({ service }) => service !== 'broker',
  async look(subject) {
    const { service, settings } = subject;
    const [folder, flag] =
      service === 'device'
        ? [settings.state, '--state']
        : service === 'coordinator'
          ? [settings.runs, '--runs']
          : ['.', 'this folder'];
    return [
      await writable(folder, flag),
      await room(folder, service === undefined ? 0 : settings.telemetryBytes),
      ...(service === undefined ? [] : await endurance(folder, subject)),
    ];
  },
};

async function writable(folder: string, flag: string): Promise<Finding> {
  const there = await nearest(resolve(folder));
  const isNew = there !== resolve(folder);
  const file = join(there, `.fleetune-doctor-${process.pid}`);
  try {
    const handle = await open(file, 'wx');
    await handle
      .writeFile('x')
      .then(() => handle.sync())
      .finally(() => handle.close());
    await rm(file);
    return ok(`${folder} (${flag}) ${isNew ? 'will be made' : 'can be written'}`);
  } catch (error) {
    await rm(file, { force: true }).catch(() => {});
    const { code } = error as NodeJS.ErrnoException;
    const full = code === 'ENOSPC' || code === 'EDQUOT';
    const remedy = full
      ? 'make room on its disk'
      : `give one that this user may write with ${flag}, or chown it`;
    return problem(`${folder} (${flag}) can't be written (${code})`, remedy);
  }
}

async function room(folder: string, spoolBytes: number): Promise<Finding> {
  const { bavail, bsize, blocks, files, ffree } = await statfs(await nearest(resolve(folder)));
  const [free, all] = [bavail * bsize, blocks * bsize];
  const what = `${bytesText(free)} free of ${bytesText(all)}`;
  if (files > 0 && ffree === 0)
    return problem(`${what}, but no file can be made: it has no inode left`, 'remove files');
  const needed = spoolBytes + spareBytes;
  if (free >= needed) return ok(what);
  return problem(
    what,
    `make room: telemetry may take ${bytesText(spoolBytes)} (--telemetry-bytes), and the work about ${bytesText(spareBytes)} more`,
  );
}

async function endurance(folder: string, { service, settings }: Subject): Promise<Finding[]> {
  const { telemetryBytes: limit, influxUrl, telemetryS } = settings;
  const { bytes, bytesPerSecond, measured } = await spooled(join(folder, 'telemetry'), telemetryS);
  const share = `telemetry: ${bytesText(bytes)} of ${bytesText(limit)} in use`;
  const isFull = bytes > 0.9 * limit;
  if (service === 'device') {
    const rate = `${measured ? 'as lately' : 'as usual'}, ${bytesText(Math.round(bytesPerSecond * 3600))} an hour`;
    const what = `${share}; with nobody to take points it lasts about ${secondsText(limit / bytesPerSecond)} (${rate})`;
    return [
      isFull ? problem(what, 'nobody takes its points: look at broker, coordinator and InfluxDB') : ok(what),
    ];
  }
  const what = `${share}; ${influxUrl === '' ? 'points stay there' : 'points wait there for InfluxDB'}`;
  return [isFull ? note(`${what}, and the oldest go`, 'give more with --telemetry-bytes') : ok(what)];
}
