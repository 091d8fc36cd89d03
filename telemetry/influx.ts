import type { InfluxDB } from 'influx';
import type { Point } from '../schemas/messages.js';
import { Refusal } from '../schemas/refusal.js';
import type { Deliver } from './pump.js';

export type { InfluxDB } from 'influx';

export interface InfluxSettings {
  influxUrl: string;
  influxDatabase: string;
  influxUser: string;
  influxPassword: string;
}

const requestTimeoutMs = 10_000;

/** A client of an InfluxDB that speaks the API of 1.x. @throws Refusal for an address that is none */
export async function connectInflux(settings: InfluxSettings): Promise<InfluxDB> {
  const { InfluxDB } = await import('influx'); // Only where it is used: it costs memory.
  const { influxUser: username, influxPassword: password, influxDatabase: database } = settings;
  const { hostname: host, port, pathname: path, protocol: scheme } = serverUrl(settings.influxUrl);
  const protocol = scheme === 'https:' ? 'https' : 'http';
  return new InfluxDB({
    hosts: [{ host, path, protocol, port: Number(port || (protocol === 'https' ? 443 : 8086)) }],
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
export async function createInfluxWriter(settings: InfluxSettings): Promise<Deliver> {
  const server = await connectInflux(settings);
  const { escape: escapes } = await import('influx');
  const rows = (points: Point[]) => points.map((point) => row(point, escapes.measurement));
  async function write(points: Point[], mayMake = true): Promise<{ dropped: number; reason: string }> {
    try {
      await server.writePoints(rows(points), { precision: 'ms' });
      return { dropped: 0, reason: '' };
    } catch (error) {
      const answer = answerOf(error);
      if (answer?.status === 404 && mayMake && /database/.test(answer.reason)) {
        await makeDatabase(server, settings);
        return write(points, false);
      }
      if (answer?.status === 413 && points.length > 1) return writeHalves(points);
      if (answer === undefined || ![400, 413, 422].includes(answer.status))
        throw new Error(troubleOf(settings, answer?.status), { cause: error });
      // Of a "partial write" the others of the batch are written.
      return { dropped: answer.dropped ?? points.length, reason: plainReason(answer.reason) };
    }
  }
  async function writeHalves(points: Point[]) {
    const middle = points.length >> 1;
    const halves = [await write(points.slice(0, middle)), await write(points.slice(middle))];
    const reason = halves.find((half) => half.reason !== '')?.reason ?? '';
    return { dropped: halves[0]!.dropped + halves[1]!.dropped, reason };
  }
  return (points) => write(points);
}

/** What a server said to a request that it did not fulfil; undefined where it said nothing. */
export function answerOf(error: unknown): { status: number; reason: string; dropped?: number } | undefined {
  const status = (error as { res?: { statusCode?: number } }).res?.statusCode;
  if (status === undefined) return undefined;
  const text = (error as Error).message.replace(/^A \d+ .*? error occurred: /, '').trim();
  let body: { error?: string; message?: string; data?: { error_message?: string }[] } = {};
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    // A proxy's answer, as text or HTML.
  }
  const { error: told, message, data } = body; // 1.x and 3 say error, 2.x says message.
  const reason = [told ?? message ?? text, ...(data?.slice(0, 1) ?? []).map((d) => d.error_message)].join(
    ': ',
  );
  const dropped = /dropped=(\d+)/.exec(reason)?.[1] ?? data?.length;
  return {
    status,
    reason: reason.slice(0, 500),
    ...(dropped === undefined ? {} : { dropped: Number(dropped) }),
  };
}

/** Why no points are taken, and what would help. */
function troubleOf({ influxUrl, influxDatabase, influxUser }: InfluxSettings, status?: number): string {
  const server = `InfluxDB at ${serverUrl(influxUrl).host}`;
  const who = influxUser === '' ? 'somebody without a name' : `user ${influxUser}`;
  if (status === 401) return `${server} does not let ${who} in: set influxUser and influxPassword`;
  if (status === 403) return `${server} lets ${who} not write to ${influxDatabase}: grant it there`;
  return `${server} takes no points`;
}

const remedies: readonly [RegExp, string][] = [
  [/max-series-per-database/, 'InfluxDB holds as many series as it may: see "Series" in docs/influx.md'],
  [/max-values-per-tag/, 'InfluxDB holds as many values of a tag as it may: see "Series" in docs/influx.md'],
  [/field type conflict|already exists as type/, 'a field has another type in InfluxDB'],
  [/retention policy/, 'they are older than what InfluxDB keeps'],
];

function plainReason(reason: string): string {
  const remedy = remedies.find(([pattern]) => pattern.test(reason))?.[1];
  return remedy ? `${remedy} (${reason})` : reason;
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
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new Refusal(`influxUrl: ${text} is not an address like http://127.0.0.1:8086`);
}
