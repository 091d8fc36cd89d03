import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { limitConnections, requestTimes } from '../runtime/connections.js';
import { type Log, told } from '../runtime/log.js';
import { networkOf } from '../runtime/network.js';
import { QuietLog } from '../runtime/quiet-log.js';
import { Rates } from '../runtime/rate.js';
import type { Service } from '../runtime/service.js';
import { Refusal } from '../schemas/refusal.js';
import { type Authority, authorityFiles } from './authority.js';
import { textOf } from './bundle.js';
import { redeem } from './claims.js';
import { markOf } from './crl-mirror.js';
import { keepOwnCertificate } from './own-certificate.js';
import { type ServerSecrets, shownBy, tlsServerOptions } from './peer-certificate.js';
import { reissue } from './reissue.js';
import { serialOf } from './x509.js';

export interface AuthorityServerOptions {
  host: string;
  /** 0: any free one. */
  port: number;
  /** Host names and addresses by which boards reach it. */
  hosts: readonly string[];
  /** That its certificates are valid. */
  days: number;
  /** What an enrolled board is told besides: where its fleet is. */
  fleet: { broker: string; fleet: string };
}

export interface AuthorityServer extends Service {
  readonly port: number;
}

/** What a board gets for its claim, as JSON. */
export interface Enrolled {
  certificate: string;
  name: string;
  broker: string;
  fleet: string;
}

const maxBodyBytes = 16 * 1024;
const limitMs = 10_000;
const connections = { all: 200, network: 50 };
/** Failures of an address that are borne at once, and a second. */
const borne = { burst: 30, perS: 0.5 };
const reads = ['/v1/authority', '/v1/revoked'];

/**
 * Serves enrolment and renewal over HTTPS, with a certificate of its own that it makes itself, and again before
 * it ends or when the clock was set. It alone needs the authority's key: brokers don't.
 * @throws Refusal for a taken port
 */
export async function serveAuthority(
  authority: Authority,
  options: AuthorityServerOptions,
  log: Log,
  times: { clock?: () => number; everyMs?: number } = {},
): Promise<AuthorityServer> {
  const renewed = (secrets: ServerSecrets) => server.setSecureContext(tlsServerOptions(secrets));
  const own = await keepOwnCertificate(authority, options.hosts, log, renewed, times);
  const server = createServer({
    ...tlsServerOptions(own.secrets),
    ...requestTimes(limitMs),
    maxHeaderSize: 8 * 1024,
  });
  const failures = new Rates(borne);
  const quiet = new QuietLog(log);
  const closeAll = limitConnections(server, connections, (facts) => quiet.warn('connection refused', facts));
  server.on('request', (request, response) => {
    const address = networkOf(request.socket.remoteAddress ?? '');
    // What is read is public, and brokers read it all the time.
    const isRead = request.method === 'GET' && reads.includes(request.url ?? '');
    if (!isRead && !failures.has(address, Date.now()))
      return reply(response, 429, 'too many failed requests: wait a minute');
    void answer(request, { authority, options, log }).then(
      (text) => reply(response, text === '' ? 304 : 200, text),
      (error) => {
        failures.takeOne(address, Date.now());
        const isTheirs = error instanceof Refusal;
        const facts = { address, path: request.url?.slice(0, 200), reason: told(error) };
        log[isTheirs ? 'warn' : 'error']('refused', facts);
        reply(
          response,
          isTheirs ? 403 : 500,
          isTheirs ? error.message : 'it failed: the log of the authority says why',
        );
      },
    );
  });
  server.on('tlsClientError', (error, socket) =>
    quiet.info('connection refused', { address: socket.remoteAddress, reason: told(error) }),
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new Refusal(
          `can't listen on port ${options.port} of ${options.host} (${cause.code}): give another with --port`,
        ),
      ),
    );
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    health: own.health,
    async stop() {
      await own.stop();
      const closed = new Promise((resolve) => server.close(resolve));
      closeAll();
      await closed;
    },
  };
}

interface Parts {
  authority: Authority;
  options: AuthorityServerOptions;
  log: Log;
}

/** @returns the answer's text. @throws Refusal with what the asker may know */
async function answer(request: IncomingMessage, { authority, options, log }: Parts): Promise<string> {
  const address = request.socket.remoteAddress ?? '';
  const times = { days: options.days, nowMs: Date.now() };
  switch (`${request.method} ${request.url}`) {
    case 'GET /v1/authority':
      return authority.certificate;
    case 'GET /v1/revoked': {
      const list = textOf(join(authority.folder, authorityFiles.crl)) ?? '';
      return request.headers['if-none-match'] === markOf(list) ? '' : list;
    }
    case 'POST /v1/enroll':
    case 'POST /v1/enrolled': {
      const { secret, request: csr } = await body(request, ['secret', 'request']);
      const asked = { secret: secret!, request: csr! };
      const { certificate, name, again } = await redeem(
        authority,
        asked,
        times,
        request.url === '/v1/enrolled',
      );
      log.info('enrolled', { name, serial: serialOf(certificate), address, again });
      return JSON.stringify({ certificate, name, ...options.fleet } satisfies Enrolled);
    }
    case 'POST /v1/renew': {
      const shown = shownBy(request.socket as TLSSocket, () => false, times.nowMs);
      if (shown === 'nothing') throw new Refusal('renewal needs the certificate that is to be renewed');
      if ('problem' in shown) throw new Refusal(shown.problem);
      const { request: csr } = await body(request, ['request']);
      const certificate = await reissue(authority, { serial: shown.serial, request: csr! }, times);
      log.info('renewed', { name: shown.name, serial: serialOf(certificate), address });
      return JSON.stringify({ certificate });
    }
    default:
      throw new Refusal('no such address');
  }
}

/** Text fields of a JSON body. */
async function body(request: IncomingMessage, fields: readonly string[]): Promise<Record<string, string>> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > maxBodyBytes) throw new Refusal(`a request of more than ${maxBodyBytes} bytes`);
    pieces.push(piece);
  }
  const value = parsed(Buffer.concat(pieces).toString());
  if (fields.some((field) => typeof value[field] !== 'string'))
    throw new Refusal(`a request without ${fields.join(' and ')} as text in JSON`);
  return value as Record<string, string>;
}

function parsed(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function reply(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' }).end(text);
}
