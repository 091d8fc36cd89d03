import { once } from 'node:events';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import {
  type ClientHandlers,
  type ClientSettings,
  connectClient,
  type FleetClient,
} from '../../broker/client.js';
import { limitSettings } from '../../broker/limits.js';
import { type Broker, type BrokerOptions, startBroker } from '../../broker/server.js';
import { createLog } from '../../runtime/log.js';
import { checkSettings } from '../../schemas/settings.js';

export const options: BrokerOptions = {
  ...checkSettings(limitSettings, {}).settings,
  host: '127.0.0.1',
  port: 0,
  wsPort: -1,
  origins: [],
  maxPacketBytes: 2 ** 17,
  maxSubscriptions: 100,
  maxRetainedBytes: 2 ** 24,
  maxConnections: 100,
  clientConnectsPerMinute: 1000,
};

/** What happened, in order, for tests to wait on. */
export class Events<T> {
  readonly all: T[] = [];
  #changed: () => void = () => undefined;

  readonly add = (event: T): void => {
    this.all.push(event);
    this.#changed();
  };

  /** The first event that fits, when it is there. */
  async find(fits: (event: T) => boolean): Promise<T> {
    for (;;) {
      const found = this.all.find(fits);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  async count(n: number): Promise<readonly T[]> {
    await this.find(() => this.all.length >= n);
    return this.all;
  }
}

export interface Message {
  topic: string;
  text: string;
  retained: boolean;
}

export interface TestClient {
  client: FleetClient;
  messages: Events<Message>;
  connections: Events<string>;
}

/** A test, or what else ends and cleans up then. */
export type Ends = Pick<TestContext, 'after'>;

/** A real broker on free ports, stopped after the test; `logged` are its log's messages. */
export async function startRig(t: Ends, changes: Partial<BrokerOptions> = {}) {
  const logged = new Events<Record<string, unknown>>();
  const log = createLog('broker', (line) => logged.add(JSON.parse(line)));
  const broker = await startBroker({ ...options, ...changes }, log);
  t.after(() => broker.stop());
  return { broker, logged, url: `mqtt://127.0.0.1:${broker.port}` };
}

/** A client of ours, stopped after the test. It resolves when `connected` is done for the first time. */
export async function join(
  t: Ends,
  url: string,
  username: ClientSettings['username'],
  clientId: string,
  changes: Partial<ClientSettings & ClientHandlers> = {},
): Promise<TestClient> {
  const messages = new Events<Message>();
  const connections = new Events<string>();
  const settings = {
    url,
    username,
    clientId,
    connectS: 5,
    maxPacketBytes: options.maxPacketBytes,
    ...changes,
  };
  const client = await connectClient(settings, {
    message: (topic, payload, retained) =>
      messages.add({ topic, text: Buffer.from(payload).toString(), retained }),
    disconnected: (reason) => connections.add(`lost: ${reason}`),
    ...changes,
    connected: async (connection) => {
      await changes.connected?.(connection);
      connections.add('connected');
    },
  });
  t.after(() => client.stop());
  await connections.count(1);
  return { client, messages, connections };
}

/** A relay before a broker, whose wires a test can cut or silence. */
export async function startRelay(t: TestContext, broker: Broker) {
  const pairs = new Set<[Socket, Socket]>();
  const server = createServer((near) => {
    const far = connectTcp(broker.port, '127.0.0.1');
    const pair: [Socket, Socket] = [near, far];
    pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      from.on('error', () => undefined);
      from.on('close', () => {
        to.destroy();
        pairs.delete(pair);
      });
      from.pipe(to);
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const cut = () => {
    for (const [near] of pairs) near.destroy();
  };
  t.after(() => {
    server.close();
    cut();
  });
  const { port } = server.address() as { port: number };
  return {
    url: `mqtt://127.0.0.1:${port}`,
    cut,
    /** The broker's answers stay in the relay. */
    silence: () => {
      for (const [near, far] of pairs) far.unpipe(near);
    },
  };
}

/** A raw socket to the broker; `closed` resolves when the broker has cut it. */
export async function openSocket(t: TestContext, broker: Broker) {
  const socket = connectTcp(broker.port, '127.0.0.1');
  const received = new Events<Buffer>();
  socket.on('error', () => undefined);
  socket.on('data', received.add);
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return { socket, received, closed };
}

const text = (value: string | Buffer) => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(value.length);
  return Buffer.concat([length, Buffer.from(value)]);
};

/** MQTT's CONNECT [MQTT 3.1.1, 3.1], keep-alive off. */
export function connectPacket(given: {
  id: string;
  username?: string;
  clean?: boolean;
  will?: { topic: string; payload: Buffer };
}): Buffer {
  const { id, username, clean = true, will } = given;
  const flags = (username ? 0x80 : 0) | (will ? 0x04 | 0x20 : 0) | (clean ? 0x02 : 0); // A will is retained.
  const body = Buffer.concat([
    text('MQTT'),
    Buffer.from([4, flags, 0, 0]),
    text(id),
    ...(will ? [text(will.topic), text(will.payload)] : []),
    ...(username ? [text(username)] : []),
  ]);
  if (body.length > 127) throw new Error('a longer CONNECT needs a longer length');
  return Buffer.concat([Buffer.from([0x10, body.length]), body]);
}
