import type { Point } from '../schemas/messages.js';
import { Refusal } from '../schemas/refusal.js';
import type { Deliver } from './pump.js';

export interface InfluxSettings {
  influxUrl: string;
  influxDatabase: string;
  influxUser: string;
  influxPassword: string;
}

const requestTimeoutMs = 5_000;

/**
 * Writes points to an InfluxDB that speaks the API of 1.x; makes the database where it is missing. A point
 * that is written twice is one point: its series and its time tell it.
 * @returns a Deliver that throws where another try may help, and counts points that the server will never
 * take
 */
export async function createInfluxWriter(settings: InfluxSettings): Promise<Deliver> {
  const { InfluxDB, escape: escapes } = await import('influx'); // Only where it is used: it costs memory.
  const url = serverUrl(settings.influxUrl);
  const protocol = url.protocol === 'https:' ? 'https' : 'http';
  const server = new InfluxDB({
    hosts: [
      {
        host: url.hostname,
        port: Number(url.port || (protocol === 'https' ? 443 : 8086)),
        path: url.pathname,
        protocol,
      },
    ],
    database: settings.influxDatabase,
    ...(settings.influxUser === ''
      ? {}
      : { username: settings.influxUser, password: settings.influxPassword }),
    // Trying again is the pump's, so the pool neither retries nor shuns its only host.
    pool: { maxRetries: 0, requestTimeout: requestTimeoutMs, backoff: noBackoff },
  });
  return async (points) => {
    try {
      await server.writePoints(
        points.map((point) => row(point, escapes.measurement)),
        { precision: 'ms' },
      );
      return { dropped: 0, reason: '' };
    } catch (cause) {
      const status = (cause as { res?: { statusCode?: number } }).res?.statusCode;
      const reason = (cause as Error).message.trim();
      if (status === 404 && /database not found/.test(reason))
        await server.createDatabase(settings.influxDatabase);
      if (status !== 400 && status !== 413 && status !== 422)
        throw new Error(`InfluxDB at ${url.host} takes no points`, { cause });
      // "partial write: … dropped=N": the others of the batch are written.
      return { dropped: Number(/dropped=(\d+)/.exec(reason)?.[1] ?? points.length), reason };
    }
  };
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
