import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { authoritiesOf } from '../../telemetry/influx-inspection.js';
import type { DoctorSettings } from './settings.js';

const limitMs = 3_000;

/** How far this clock is ahead of servers that tell theirs over HTTP; those that do not answer are left out. */
export async function serverDates(
  settings: Pick<DoctorSettings, 'influxUrl' | 'influxCa' | 'broker' | 'tls'>,
): Promise<{ server: string; offMs: number }[]> {
  const { influxUrl, influxCa, broker, tls } = settings;
  const addresses = [
    { server: 'InfluxDB', url: influxUrl && new URL('/ping', influxUrl).href, influxCa },
    // A broker's WebSocket listener answers a plain request too, if only with a refusal.
    { server: 'the broker', url: /^wss?:/.test(broker) ? broker.replace(/^ws/, 'http') : '', influxCa: '' },
  ];
  const found = await Promise.all(
    addresses
      .filter(({ url }) => url !== '')
      .map(async ({ server, url, influxCa }) => ({ server, offMs: await aheadMs(url, { influxCa, tls }) })),
  );
  return found.flatMap(({ server, offMs }) => (offMs === undefined ? [] : [{ server, offMs }]));
}

/** The header counts whole seconds: what is between two is nobody's fault. */
async function aheadMs(url: string, known: Parameters<typeof authoritiesOf>[0]): Promise<number | undefined> {
  const startMs = Date.now();
  const theirsMs = Date.parse(await dateOf(url, known).catch(() => ''));
  if (Number.isNaN(theirsMs)) return undefined;
  const oursMs = (startMs + Date.now()) / 2;
  const [least, most] = [oursMs - theirsMs - 1000, oursMs - theirsMs];
  return least > 0 ? least : Math.min(0, most);
}

async function dateOf(url: string, known: Parameters<typeof authoritiesOf>[0]): Promise<string> {
  const options = { method: 'HEAD', signal: AbortSignal.timeout(limitMs) };
  const asked = url.startsWith('https:')
    ? https.request(url, { ...options, ca: authoritiesOf(known) })
    : http.request(url, options);
  const [answer] = (await once(asked.end(), 'response', { signal: options.signal })) as [
    http.IncomingMessage,
  ];
  answer.resume();
  return answer.headers.date ?? '';
}
