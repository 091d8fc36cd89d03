import { join as joinPath } from 'node:path';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { type Reach, reachOf } from '../../broker/client.js';
import type { BrokerOptions } from '../../broker/server.js';
import { authorityFiles } from '../../identity/authority.js';
import { readBundle } from '../../identity/bundle.js';
import type { Role } from '../../schemas/roles.js';
import { makeTestAuthority } from '../identity/authority-rig.js';
import { connectPacket, type Ends, join, startRig } from './rig.js';

/** A broker that speaks TLS, with a certificate and a list of revoked ones of a real authority. */
export async function startSecure(t: Ends, changes: Partial<BrokerOptions> = {}) {
  const made = await makeTestAuthority(t);
  const tls = await made.bundle('broker', 'server');
  const crl = joinPath(made.authority.folder, authorityFiles.crl);
  const secure = { tls, crl, ...changes };
  const { broker, logged } = await startRig(t, secure);
  const url = `mqtts://127.0.0.1:${broker.port}`;
  /** A client with a bundle. */
  const enter = (bundle: string, role: Role, id: string, other: Partial<Reach> = {}, connectS = 10) => {
    const reach = reachOf(
      { broker: url, tls: bundle, ...other },
      { role, ...(role === 'device' ? { id } : {}) },
    );
    return join(t, reach.url, reach.username, id, { ...reach, connectS });
  };
  return { ...made, broker, logged, url, secure, enter };
}

/** Shows a certificate to a broker and sends a CONNECT, or what is given; resolves with all that the peer ever hears. */
export async function heardBy(
  port: number,
  options: ConnectionOptions,
  sent: string | Buffer = connectPacket({ id: 'barn', username: 'device' }),
): Promise<Buffer> {
  const socket = openTls(port, options);
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  socket.write(sent);
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(pieces);
}

export function openTls(port: number, options: ConnectionOptions): TLSSocket {
  const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
  socket.on('error', () => undefined);
  return socket;
}

/** What a bundle shows in a handshake. */
export function shown(folder: string) {
  const { own } = readBundle(folder);
  return { cert: own!.certificate, key: own!.key };
}
