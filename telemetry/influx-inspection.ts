import { told } from '../runtime/log.js';
import { connectInflux, type InfluxSettings } from './influx.js';
import { answerOf } from './influx-answer.js';

export { authoritiesOf, influxProblem } from './influx-reach.js';

/** What an InfluxDB is to somebody: what it says of itself, and what it lets him do. */
export interface InfluxInspection {
  /** Undefined: it does not answer. */
  version: string | undefined;
  /** Whether points can be written: 'ok', or what keeps them out. */
  write: 'ok' | 'no database' | 'unauthorized' | 'forbidden' | string;
  /** Retention policies of the database, as 336h0m0s; undefined where we may not ask. */
  retention: { name: string; duration: string; default: boolean }[] | undefined;
}

const pingLimitMs = 3_000;

/** Looks at a server without changing it: asks its version, writes no point, asks what it keeps. @throws Refusal for an address that is none */
export async function inspectInflux(settings: InfluxSettings): Promise<InfluxInspection> {
  const server = await connectInflux(settings);
  const [host] = await server.ping(pingLimitMs);
  if (!host?.res) {
    const write = await server.writePoints([]).then(() => 'no answer', told);
    return { version: undefined, write, retention: undefined };
  }
  const version = String(host.version ?? 'unknown');
  let write: InfluxInspection['write'] = 'ok';
  try {
    await server.writePoints([], { precision: 'ms' });
  } catch (error) {
    const answer = answerOf(error);
    if (answer?.status === 401) write = 'unauthorized';
    else if (answer?.status === 403) write = 'forbidden';
    else if (answer?.status === 404) write = 'no database';
    // Of an empty batch 1.x says 400 or 200, 2.x 400: then it was let in.
    else if (answer?.status !== 400) write = told(error);
  }
  const retention = await server.showRetentionPolicies(settings.influxDatabase).catch(() => undefined);
  return { version, write, retention };
}
