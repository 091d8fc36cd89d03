import type { DoctorSettings } from './settings.js';

const limitMs = 3_000;

/** How far this clock is ahead of servers that tell theirs over HTTP; those that do not answer are left out. */
export async function serverDates(
  settings: Pick<DoctorSettings, 'influxUrl' | 'broker'>,
): Promise<{ server: string; offMs: number }[]> {
  const { influxUrl, broker } = settings;
  const addresses = [
    { server: 'InfluxDB', url: influxUrl && new URL('/ping', influxUrl).href },
    // A broker's WebSocket listener answers a plain request too, if only with a refusal.
    { server: 'the broker', url: /^wss?:/.test(broker) ? broker.replace(/^ws/, 'http') : '' },
  ];
  const found = await Promise.all(
    addresses
      .filter(({ url }) => url !== '')
      .map(async ({ server, url }) => ({ server, offMs: await aheadMs(url) })),
  );
  return found.flatMap(({ server, offMs }) => (offMs === undefined ? [] : [{ server, offMs }]));
}

/** The header counts whole seconds: what is between two is nobody's fault. */
async function aheadMs(url: string): Promise<number | undefined> {
  const startMs = Date.now();
  const answer = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(limitMs) }).catch(
    () => undefined,
  );
  const theirsMs = Date.parse(answer?.headers.get('date') ?? '');
  if (Number.isNaN(theirsMs)) return undefined;
  const oursMs = (startMs + Date.now()) / 2;
  const [least, most] = [oursMs - theirsMs - 1000, oursMs - theirsMs];
  return least > 0 ? least : Math.min(0, most);
}
