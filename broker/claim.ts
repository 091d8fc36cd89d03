import type { Socket } from 'node:net';
import type { Client } from 'aedes';
import { roles } from '../schemas/roles.js';
import type { Identity } from './access.js';

/** Why somebody is not let in: the CONNACK code, which is all that the peer hears, and what the log says. */
export interface RefusedClaim {
  code: 2 | 3 | 4 | 5;
  problem: string;
}

/**
 * Who a client says it is, where nothing is proven: its user name is a role, its client id the id. Without a
 * user name it is an operator on this machine, and a viewer elsewhere.
 */
export function unproven(client: Client, username: string | undefined): Identity | RefusedClaim {
  const local = isLocal(client);
  const role = username ? roles.find((r) => r === username) : local ? 'operator' : 'viewer';
  if (!role) return { code: 4, problem: `no such role: the user name is one of ${roles.join(', ')}` };
  return { role, id: client.id, local };
}

function isLocal(client: Client): boolean {
  return /^(::ffff:)?127\.|^::1$/.test(socketOf(client).remoteAddress ?? '');
}

/** The socket of a client, also behind a WebSocket. */
export const socketOf = (client: Client) => (client.req?.socket ?? client.conn) as Socket;
