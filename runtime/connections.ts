import type { Server, Socket } from 'node:net';
import { networkOf } from './network.js';
import { Tally } from './tally.js';

export interface ConnectionLimits {
  /** Open at once. */
  all: number;
  /** Of these, from one network: who holds all that they may leaves others theirs. */
  network: number;
}

/**
 * Options of an HTTP server, with TLS or without: a connection whose handshake or request takes longer is closed, and
 * so is one that asks for nothing. Node looks twice a minute where it is not told to, and waits two minutes for TLS.
 */
export const requestTimes = (limitMs: number) => ({
  ...{ handshakeTimeout: limitMs, headersTimeout: limitMs, requestTimeout: limitMs },
  connectionsCheckingInterval: limitMs / 10,
});

/**
 * Limits the connections of a server: one too many is closed before a byte of it is read, before TLS too.
 * @param refused hears why: it is for the log, the peer hears nothing
 * @returns what closes all that are open, those too that are in a handshake, which `closeAllConnections` does not
 */
export function limitConnections(
  server: Server,
  { all, network }: ConnectionLimits,
  refused: (facts: { address: string; reason: string }) => void,
): () => void {
  const sockets = new Set<Socket>();
  const open = new Tally();
  server.maxConnections = all;
  server.on('drop', (dropped) =>
    refused({ address: networkOf(dropped?.remoteAddress ?? ''), reason: `${all} are open` }),
  );
  server.prependListener('connection', (socket: Socket) => {
    const address = networkOf(socket.remoteAddress ?? '');
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    if (open.of(address) < network) return void socket.once('close', open.add(address));
    refused({ address, reason: `${network} from this address are open` });
    socket.on('error', () => undefined);
    socket.destroy();
  });
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}
