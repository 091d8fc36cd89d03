import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import tls from 'node:tls';
import { told } from '../runtime/log.js';
import { isLoopback } from '../runtime/loopback.js';
import { Refusal } from '../schemas/refusal.js';

/** How an InfluxDB is spoken to. */
export interface InfluxReach {
  influxUrl: string;
  /** File of its authority; '': the fleet's own, where `tls` has it. */
  influxCa?: string;
  /** Folder of the service's own certificate. */
  tls?: string;
  /** Whether the network is said to be ours alone. */
  insecure?: boolean;
}

/** Why an address may not be spoken to, as with a broker; undefined where it may. */
export function influxProblem({ influxUrl, insecure = false }: InfluxReach) {
  const url = URL.canParse(influxUrl) ? new URL(influxUrl) : undefined;
  if (url?.protocol !== 'http:' || insecure || isLoopback(url.hostname.replace(/^\[|\]$/g, '')))
    return undefined;
  return {
    what: `InfluxDB ${influxUrl} is on another machine, and without TLS anybody between could read and change what is sent`,
    remedy: 'give an address as https://, or --insecure if the network is yours alone',
  };
}

/** Who may have signed a server's certificate: the system's authorities, and one of ours. @throws Refusal for a file that can't be read */
export function authoritiesOf({
  influxCa = '',
  tls: folder = '',
}: Pick<InfluxReach, 'influxCa' | 'tls'>): string[] {
  const own = folder === '' ? undefined : readText(join(folder, 'ca.crt'), 'ENOENT');
  const given = influxCa === '' ? own : readText(influxCa);
  if (given !== undefined && !given.includes('-----BEGIN CERTIFICATE-----'))
    throw new Refusal(`${influxCa} (--influx-ca) holds no certificate as PEM`);
  return given === undefined ? [...tls.rootCertificates] : [...tls.rootCertificates, given];
}

function readText(path: string, mayFailAs?: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === mayFailAs) return undefined;
    throw new Refusal(`${path} (--influx-ca) can’t be read: ${told(cause)}`);
  }
}
