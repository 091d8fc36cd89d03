import type { InfluxDB } from 'influx';
import { within } from '../runtime/limit.js';
import type { Point } from '../schemas/messages.js';
import { Refusal } from '../schemas/refusal.js';
import { type Answer, answerOf, isLimit, plainReason } from './influx-answer.js';
import { authoritiesOf, type InfluxReach, influxProblem } from './influx-reach.js';
import type { Deliver } from './pump.js';

export type { InfluxDB } from 'influx';

export interface InfluxSettings extends InfluxReach {
  influxDatabase: string;
  influxUser: string;
  influxPassword: string;
}

const requestTimeoutMs = 10_000;

/** A client of an InfluxDB that speaks the API of 1.x. @throws Refusal for an address that is none, or may not be spoken to */
export async function connectInflux(settings: InfluxSettings): Promise<InfluxDB> {
  const { InfluxDB } = await import('influx'); // Only where it is used: it costs memory.
  const { influxUser: username, influxPassword: password, influxDatabase: database } = settings;
  const { hostname: host, port, pathname: path, protocol: scheme } = serverUrl(settings.influxUrl);
  const protocol = scheme === 'https:' ? 'https' : 'http';
  const problem = influxProblem(settings);
  if (problem) throw new Refusal(`${problem.what}: ${problem.remedy}`);
  const options = protocol === 'https' ? { ca: authoritiesOf(settings) } : {};
  return new InfluxDB({
    hosts: [{ host, path, protocol, options, port: Number(port || (protocol === 'https' ? 443 : 8086)) }],
    database,
    ...(username === '' && password === '' ? {} : { username, password }),
    // Trying again is the caller's, so the pool neither retries nor shuns its only host.
    pool: { maxRetries: 0, requestTimeout: requestTimeoutMs, backoff: noBackoff },
  });
}

/**
 * Writes points, their times in milliseconds; makes the database where it is missing. A point that is written
 * twice is one point: its series and its time tell it.
 * @returns a Deliver that throws where another try may help, and counts points that the server will never
 * take
 */
export async function createInfluxWriter(
  settings: InfluxSettings,
  answerLimitMs = 2 * requestTimeoutMs,
): Promise<Deliver> {
  const server = await connectInflux(settings);
  const { escape: escapes } = await import('influx');
  const rows = (points: Point[]) => points.map((point) => row(point, escapes.measurement));
  async function write(points: Point[], mayMake = true): Promise<{ dropped: number; reason: string }> {
    try {
      await inTime(answerLimitMs, server.writePoints(rows(points), { precision: 'ms' }));
      return { dropped: 0, reason: '' };
    } catch (error) {
      const answer = answerOf(error);
      if (answer?.status === 404 && mayMake && /database/.test(answer.reason)) {
        await inTime(answerLimitMs, makeDatabase(server, settings));
        return write(points, false);
      }
      if (answer === undefined || ![400, 413, 422].includes(answer.status))
        throw new Error(troubleOf(settings, answer?.status), { cause: error });
      const reason = plainReason(answer.reason);
      const parts = partsOf(answer, points);
      if (parts) return parts.length > 1 ? writeHalves(parts) : { dropped: points.length, reason };
      // Of a "partial write" the others of the batch are written.
      return { dropped: answer.dropped ?? points.length, reason };
    }
  }
  async function writeHalves(parts: Point[][]) {
    const middle = parts.length >> 1;
    const first = await write(parts.slice(0, middle).flat());
    const second = await write(parts.slice(middle).flat());
    return { dropped: first.dropped + second.dropped, reason: first.reason || second.reason };
  }
  return (points) => write(points);
}

/** Why no points are taken, and what would help. */
function troubleOf({ influxUrl, influxDatabase, influxUser }: InfluxSettings, status?: number): string {
  const server = `InfluxDB at ${serverUrl(influxUrl).host}`;
  const who = influxUser === '' ? 'somebody without a name' : `user ${influxUser}`;
  if (status === 401) return `${server} does not let ${who} in: set influxUser and influxPassword`;
  if (status === 403) return `${server} lets ${who} not write to ${influxDatabase}: grant it there`;
  return `${server} takes no points`;
}

/** What to try apart where an answer doesn't tell how many points of a batch were left out. */
function partsOf({ status, reason }: Answer, points: Point[]): Point[][] | undefined {
  // Over a limit, 1.6 also leaves out some points of series that it has, and doesn't count them.
  if (isLimit.test(reason)) return bySeries(points);
  const alone = status === 413 || /unable to parse/.test(reason); // As a time that is out of range.
  return alone ? points.map((point) => [point]) : undefined;
}

function bySeries(points: Point[]): Point[][] {
  const series = new Map<string, Point[]>();
  for (const point of points) {
    const key = JSON.stringify([point.measurement, point.tags]);
    const known = series.get(key);
    if (known) known.push(point);
    else series.set(key, [point]);
  }
  return [...series.values()];
}

/** The client hears no more of an answer that is cut, or stalls, behind its head: it would be waited for for ever. */
async function inTime(limitMs: number, request: Promise<void>): Promise<void> {
  let isLate = true;
  await within(
    limitMs,
    request.finally(() => {
      isLate = false;
    }),
  );
  if (isLate) throw new Error(`no whole answer within ${limitMs / 1000} s`);
}

async function makeDatabase(server: InfluxDB, settings: InfluxSettings): Promise<void> {
  try {
    await server.createDatabase(settings.influxDatabase);
  } catch (cause) {
    const message = `InfluxDB has no database ${settings.influxDatabase}, and we may not make it`;
    throw new Error(`${message}: fleetune influx init`, { cause });
  }
}

const noBackoff = { getDelay: () => 0, next: () => noBackoff, reset: () => noBackoff };

const row = (point: Point, escapeMeasurement: (text: string) => string) => ({
  measurement: escapeMeasurement(point.measurement), // The client escapes all but this.
  tags: point.tags,
  fields: point.fields,
  timestamp: String(point.timeMs),
});

function serverUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.username !== '' || url.password !== ''))
    throw new Refusal(`influxUrl: expected no name in it: give influxUser and influxPassword`);
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new Refusal(`influxUrl: ${text} is not an address like http://127.0.0.1:8086`);
}
