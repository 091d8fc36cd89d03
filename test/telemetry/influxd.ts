import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

/** Why the tests with a real InfluxDB can't run here; undefined where they can. */
export function influxdMissing(): string | undefined {
  try {
    execFileSync('which', ['influxd'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return "influxd isn't installed (Debian: apt-get install influxdb)";
  }
}

/**
 * A real InfluxDB 1.x of our own on free ports, its data below `folder`; it can be stopped and started again.
 * @param lines of its configuration besides, by section; and the bundle by which it speaks TLS
 */
export async function createInfluxd(
  folder: string,
  lines: { http?: string; data?: string; tls?: string } = {},
) {
  mkdirSync(folder, { recursive: true });
  const [rpcPort, httpPort] = [await freePort(), await freePort()];
  const config = join(folder, 'influxd.conf');
  const tls = lines.tls && tlsLines(lines.tls);
  writeFileSync(
    config,
    `reporting-disabled = true
bind-address = "127.0.0.1:${rpcPort}"
[http]
  bind-address = "127.0.0.1:${httpPort}"
  log-enabled = false
  ${lines.http ?? ''}
  ${tls ?? ''}
[meta]
  dir = "${folder}/meta"
[data]
  dir = "${folder}/data"
  wal-dir = "${folder}/wal"
  ${lines.data ?? ''}
`,
  );
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${httpPort}`;
  let server: ChildProcess | undefined;
  return {
    url,
    async start(): Promise<void> {
      server = spawn('influxd', ['run', '-config', config], { stdio: 'ignore' });
      const deadline = Date.now() + 20_000;
      while (!(await answers(httpPort))) {
        if (Date.now() > deadline) throw new Error('influxd did not answer within 20 s');
        await wait(50);
      }
    },
    async stop(): Promise<void> {
      if (!server || server.exitCode !== null) return;
      server.kill('SIGTERM');
      await once(server, 'exit');
    },
    /** Rows of a query's first series, each as [time, ...values]. @param login as user:password */
    async query(database: string, q: string, login = ''): Promise<unknown[][]> {
      const headers = login ? { Authorization: `Basic ${Buffer.from(login).toString('base64')}` } : {};
      const form = new URLSearchParams({ db: database, epoch: 'ms', q });
      const answer = await fetch(`${url}/query`, { method: 'POST', headers, body: form });
      const body = (await answer.json()) as { results: { series?: { values: unknown[][] }[] }[] };
      return body.results[0]?.series?.[0]?.values ?? [];
    },
  };
}

/** [v1 administration: HTTPS] */
const tlsLines = (bundle: string) => `https-enabled = true
  https-certificate = "${join(bundle, 'tls.crt')}"
  https-private-key = "${join(bundle, 'tls.key')}"`;

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const up = await Promise.race([
    once(socket, 'connect').then(() => true),
    once(socket, 'close').then(() => false),
  ]).catch(() => false);
  socket.destroy();
  return up;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
