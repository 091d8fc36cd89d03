import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { serverTls, watchBundle } from '../../identity/server-tls.js';
import { limitConnections, requestTimes } from '../../runtime/connections.js';
import type { Log } from '../../runtime/log.js';
import { networkOf } from '../../runtime/network.js';
import { QuietLog } from '../../runtime/quiet-log.js';
import { Rates } from '../../runtime/rate.js';
import { Refusal } from '../../schemas/refusal.js';
import { readAssets, safety } from './assets.js';
import { credentialCheck, isOurName } from './gate.js';
import type { PageSettings } from './settings.js';
import { Viewers } from './viewers.js';

export interface PageServer {
  port: number;
  stop(): Promise<void>;
}

const turnMs = 1000;
const connections = { all: 64, network: 48 };
const requestLimitMs = 10_000;
const maxHeaderBytes = 8 * 1024;
/** An answer to wrong credentials comes late, and those of one network count: few can be tried, also side by side. */
const wrongCredentialsMs = 300;
const borne = { perS: 0.2, burst: 20 };

/**
 * Serves the live page: its files, `/live` as server-sent events, `/live.json` as one snapshot. Reads only.
 * @param snapshot asked once a turn while somebody looks; what changes in it but `atMs` is sent at once
 * @throws Refusal for an address that can't be listened on, or a folder without a certificate
 */
export async function startPageServer(
  settings: PageSettings,
  snapshot: () => { atMs: number },
  log: Log,
): Promise<PageServer> {
  const { pageHost, pagePort, pageUser, pagePassword, pageNames } = settings;
  const assets = await readAssets();
  const viewers = new Viewers();
  const failures = new Rates(borne);
  const mayEnter = pageUser === '' ? () => true : credentialCheck(pageUser, pagePassword);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, headers, url = '' } = request;
    const say = (status: number, text: string, more: Record<string, string> = {}) => {
      response.writeHead(status, { ...safety, 'content-type': 'text/plain; charset=utf-8', ...more });
      response.end(method === 'HEAD' ? undefined : `${text}\n`);
    };
    if (!isOurName(headers.host, pageNames))
      return say(421, 'not served under this name: ask by address, or give the name with --page-names');
    if (method !== 'GET' && method !== 'HEAD') return say(405, 'only read here', { allow: 'GET, HEAD' });
    const from = networkOf(request.socket.remoteAddress ?? '');
    if (headers.authorization !== undefined && pageUser !== '' && !failures.has(from, performance.now()))
      return say(429, 'too many wrong passwords from there: wait a little', { 'retry-after': '10' });
    if (!mayEnter(headers.authorization)) {
      if (headers.authorization !== undefined) {
        failures.takeOne(from, performance.now());
        await wait(wrongCredentialsMs);
      }
      return say(401, 'whoever looks says who he is', { 'www-authenticate': challenge });
    }
    const path = url.split('?', 1)[0]!;
    if (path === '/live.json') return say(200, JSON.stringify(snapshot()), json);
    if (path === '/live' && method === 'GET') {
      if (viewers.add(response, safety, JSON.stringify(snapshot()))) return;
      return say(503, 'too many look already', { 'retry-after': '10' });
    }
    const asset = assets.get(path);
    if (!asset) return say(404, 'nothing here');
    response.writeHead(200, { ...safety, ...asset.headers });
    response.end(method === 'HEAD' ? undefined : asset.body);
  }

  const { server, stopWatching } = createPageServer(settings.pageTls, (request, response) => {
    response.on('error', () => response.destroy()); // Whoever asked is gone.
    void answer(request, response);
  });
  const quiet = new QuietLog(log);
  const closeAll = limitConnections(server, connections, (facts) =>
    quiet.warn('connection to the page refused', facts),
  );
  await listen(server, pageHost, pagePort);
  const turns = setInterval(() => {
    if (viewers.count === 0) return;
    const shown = snapshot();
    viewers.tell(JSON.stringify(shown), JSON.stringify({ ...shown, atMs: 0, secondsLeft: 0 }));
  }, turnMs);
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      clearInterval(turns);
      stopWatching();
      const closed = new Promise((resolve) => server.close(resolve));
      closeAll();
      await closed;
    },
  };
}

/** With TLS where there is a folder for it; a renewed certificate counts for the next connection. */
function createPageServer(folder: string, answer: RequestListener): { server: Server; stopWatching(): void } {
  const options = { ...requestTimes(requestLimitMs), maxHeaderSize: maxHeaderBytes };
  if (folder === '') return { server: createServer(options, answer), stopWatching: () => undefined };
  const server = createHttpsServer({ ...options, ...serverTls(folder) }, answer);
  const stopWatching = watchBundle(folder, (renewed) => server.setSecureContext(renewed));
  return { server, stopWatching };
}

const challenge = 'Basic realm="fleetune", charset="UTF-8"';
const json = { 'content-type': 'application/json; charset=utf-8' };

async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? 'the port is taken' : message;
    throw new Refusal(`the live page can’t be served on ${host}:${port}: ${why}`);
  }
}
