import { startRenewal } from '../identity/renewal.js';
import { accepts, type Check } from '../runtime/health.js';
import { createLog } from '../runtime/log.js';
import { isLoopback } from '../runtime/loopback.js';
import { Refusal } from '../schemas/refusal.js';
import { authoritySetting, healthSettings, logSettings } from '../schemas/service-settings.js';
import type { SettingsOf, SettingTable } from '../schemas/settings.js';
import { gateSettings } from './gate-rules.js';
import { limitSettings } from './limits.js';
import { type Broker, startBroker } from './server.js';

export const brokerSettings = {
  ...logSettings,
  host: { kind: 'text', default: '127.0.0.1', help: 'address to listen on' },
  port: { kind: 'integer', default: 1883, min: 0, max: 65535, help: 'of MQTT over TCP; 0: any free one' },
  wsPort: {
    kind: 'integer',
    default: 9001,
    min: -1,
    max: 65535,
    help: 'of MQTT over WebSocket; 0: any free one, -1: none',
  },
  origins: {
    kind: 'list',
    default: [],
    help: 'web pages that may connect by WebSocket, as https://example.org; other pages are refused',
  },
  insecure: {
    kind: 'flag',
    default: false,
    help: 'listen on an address that other machines reach, without TLS or credentials',
  },
  ...gateSettings,
  ...authoritySetting,
  ...limitSettings,
  ...healthSettings,
} satisfies SettingTable;

export type BrokerSettings = SettingsOf<typeof brokerSettings>;

/** Why it may not listen on such an address. TLS that asks nobody is refused where its files are read. */
export function exposureProblem({ host, insecure, tls }: BrokerSettings): string | undefined {
  if (isLoopback(host) || insecure || tls !== '') return undefined;
  return (
    `host ${host} is reached from other machines, and anybody there could start runs and read updates: ` +
    `keep 127.0.0.1, give --tls (fleetune provision --role broker makes it), ` +
    `or --insecure if the network is yours alone`
  );
}

/** A browser says the origin of a page in one way only: anything else would never be met. */
function originProblem({ origins }: BrokerSettings): string | undefined {
  const wrong = origins.find((origin) => !URL.canParse(origin) || new URL(origin).origin !== origin);
  return wrong === undefined ? undefined : `--origins ${wrong}: expected as https://example.org, and no more`;
}

/** Starts the broker service. @throws Refusal for a taken port, an origin that is none, or an open address nobody asked for */
export async function start(settings: BrokerSettings): Promise<Broker> {
  const { host, tls, authority } = settings;
  const crl =
    settings.crl || (tls !== '' && authority !== '' ? String(new URL('/v1/revoked', authority)) : '');
  const problem = exposureProblem(settings) ?? originProblem(settings);
  if (problem) throw new Refusal(problem);
  const log = createLog('broker', settings);
  if (tls !== '' && crl === '')
    log.warn('no list of revoked certificates (--crl): a stolen one counts until it ends');
  const broker = await startBroker({ ...settings, crl }, log);
  const { port, wsPort } = broker;
  log.info('listening', { host, port, wsPort, tls: tls !== '' });
  const renewal = startRenewal(settings, log, () => undefined); // The gate watches the bundle.
  process.send?.({ ready: { port, wsPort } });
  return {
    ...broker,
    health: async () => [await answering(host, port)],
    stop: () => Promise.all([renewal.stop(), broker.stop()]).then(() => undefined),
  };
}

/** That the listener takes a connection, as one without descriptors does not. Every interface: this machine's. */
async function answering(host: string, port: number): Promise<Check> {
  const address = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  const ok = await accepts({ host: address, port });
  return { name: 'mqtt', ok, detail: `port ${port} ${ok ? 'takes' : 'does not take'} connections` };
}
