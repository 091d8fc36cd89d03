import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { tlsServerOptions } from '../identity/peer-certificate.js';
import { requestTimes } from '../runtime/connections.js';
import { type Log, told } from '../runtime/log.js';
import { QuietLog } from '../runtime/quiet-log.js';
import type { Gate } from './gate.js';

export interface Listeners {
  /** MQTT over TCP, and over WebSocket. */
  tcp: Server;
  http: HttpServer;
}

const socketOptions = { noDelay: true, keepAlive: true };

/**
 * The servers of a broker, not listening yet; with TLS where the gate has what it takes.
 * @param limitMs for a handshake, and for an HTTP request
 */
export function createListeners(
  gate: Gate,
  limitMs: number,
  log: Log,
  serve: (socket: Socket) => void,
): Listeners {
  const httpOptions = { ...socketOptions, ...requestTimes(limitMs) };
  const { secrets } = gate;
  if (!secrets) return { tcp: createServer(socketOptions, serve), http: createHttpServer(httpOptions) };
  const tlsOptions = { ...tlsServerOptions(secrets), handshakeTimeout: limitMs };
  const tcp = createTlsServer({ ...tlsOptions, ...socketOptions });
  const http = createHttpsServer({ ...tlsOptions, ...httpOptions });
  const quiet = new QuietLog(log);
  for (const server of [tcp, http]) {
    server.prependListener('secureConnection', (socket) => judge(socket, gate, quiet));
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      // Who connects and goes has said nothing: a look whether the port is open.
      const facts = { address: socket.remoteAddress, reason: told(error) };
      if (error.code === 'ECONNRESET') log.debug('connection refused', facts);
      else quiet.info('connection refused', facts);
      socket.destroy(); // Node leaves one open whose handshake took too long.
    });
  }
  tcp.on('secureConnection', (socket) => {
    if (!socket.destroyed) serve(socket);
  });
  gate.onRenewal((renewed) => {
    for (const server of [tcp, http]) server.setSecureContext(tlsServerOptions(renewed));
  });
  return { tcp, http };
}

/** The reason goes to the log and not to the peer, which sees a closed connection. */
function judge(socket: TLSSocket, gate: Gate, log: QuietLog): void {
  const reason = gate.connectionProblem(socket);
  if (reason === undefined) return;
  log.warn('connection refused', { address: socket.remoteAddress, reason });
  socket.destroy();
}
