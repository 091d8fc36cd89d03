import mqtt, { type IPublishPacket, type MqttClient } from 'mqtt';
import { told } from '../runtime/log.js';
import { Refusal } from '../schemas/refusal.js';
import type { Role } from './access.js';
import { Inbox } from './inbox.js';
import { watchPackets } from './packet-limit.js';

export interface ClientSettings {
  url: string;
  clientId: string;
  username: Role;
  password?: string;
  will?: { topic: string; payload: Uint8Array; retain: boolean };
  /** The first connection must come within. */
  connectS: number;
  maxPacketBytes: number;
}

export interface ClientHandlers {
  /** At every connection, the first and later ones: subscribe and announce here. */
  connected(client: FleetClient): void | Promise<void>;
  disconnected?(reason: string): void;
  /** One at a time; while it works and 16 packets wait, the connection is held back. */
  message(topic: string, payload: Uint8Array, retained: boolean): void | Promise<void>;
  /** What a handler threw; without it our own mistake ends the process. */
  failed?(error: unknown): void;
}

export interface FleetClient {
  readonly connected: boolean;
  /** QoS 1 unless told otherwise. Resolves on the broker's ack, which proves nothing about any receiver. */
  publish(
    topic: string,
    payload: Uint8Array | string,
    options?: { retain?: boolean; qos?: 0 | 1 },
  ): Promise<void>;
  /** Rejects where the broker refuses one of them. */
  subscribe(filters: readonly string[]): Promise<void>;
  unsubscribe(filters: readonly string[]): Promise<void>;
  /** Says goodbye, so that no will is published, and connects no more. */
  stop(): Promise<void>;
}

/** The connection ended before the broker answered: the message may have arrived or not. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

const keepaliveS = 30;
const stopLimitMs = 2000;
const steadyMs = 10_000;

/** Wait before the attempt after `failures` failed ones, ms: doubles up to 10 s, the upper half of it by chance. */
export const backoffMs = (failures: number, random: () => number) =>
  Math.min(10_000, 250 * 2 ** Math.min(failures, 10)) * (0.5 + random() / 2);

/**
 * Connects to an MQTT 3.1.1 broker with clean sessions and stays connected until stopped. Each connection is a fresh
 * client: nothing of an old one is sent again or subscribed to by itself; that is the callers' business.
 * @throws Refusal where no broker answers within connectS, or it refuses us
 */
export async function connectClient(
  settings: ClientSettings,
  handlers: ClientHandlers,
): Promise<FleetClient> {
  const client = new ReconnectingClient(settings, handlers);
  await client.start();
  return client;
}

class ReconnectingClient implements FleetClient {
  readonly #settings: ClientSettings;
  readonly #handlers: ClientHandlers;
  readonly #failed: (error: unknown) => void;
  readonly #inbox: Inbox;
  readonly #unanswered = new Set<(error: Error) => void>();
  #mqtt: MqttClient | undefined;
  #stopped = false;
  #wakeUp: () => void = () => undefined;

  constructor(settings: ClientSettings, handlers: ClientHandlers) {
    this.#settings = settings;
    this.#handlers = handlers;
    this.#failed = handlers.failed ?? rethrow;
    this.#inbox = new Inbox(
      ({ topic, payload, retained }) => handlers.message(topic, payload, retained),
      this.#failed,
      16 * settings.maxPacketBytes,
    );
  }

  get connected(): boolean {
    return this.#mqtt !== undefined;
  }

  async start(): Promise<void> {
    const { url, connectS } = this.#settings;
    const deadlineMs = Date.now() + connectS * 1000;
    for (let failures = 0; ; failures++) {
      const connection = this.#open(Math.max(1, deadlineMs - Date.now()));
      const problem = await connection.opened;
      if (problem === undefined) {
        void this.#stay(connection.closed).catch(rethrow);
        return;
      }
      const waitMs = backoffMs(failures, Math.random);
      const refused = problem.startsWith('Connection refused:');
      if (refused || Date.now() + waitMs > deadlineMs)
        throw new Refusal(
          `no broker at ${url} ${refused ? 'lets us in' : `answered within ${connectS} s`} (${problem}): ` +
            `${refused ? 'check the user name and id' : 'start one (fleetune broker), or give another with --broker'}`,
        );
      await this.#pause(waitMs);
    }
  }

  publish(topic: string, payload: Uint8Array | string, options: { retain?: boolean; qos?: 0 | 1 } = {}) {
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : asBuffer(payload);
    const { maxPacketBytes } = this.#settings;
    const length = topic.length + 4 + bytes.length; // Topic's length and packet id: two bytes each.
    if (length > maxPacketBytes)
      return Promise.reject(
        new Refusal(`${topic}: a packet of ${length} bytes, the limit is ${maxPacketBytes}`),
      );
    const { retain = false, qos = 1 } = options;
    return this.#ask((client, done) => client.publish(topic, bytes, { retain, qos }, (error) => done(error)));
  }

  subscribe(filters: readonly string[]) {
    if (filters.length === 0) return Promise.resolve();
    return this.#ask((client, done) =>
      client.subscribe([...filters], { qos: 1 }, (error, granted) => {
        const refused = granted?.filter(({ qos }) => (qos as number) >= 128).map(({ topic }) => topic);
        if (refused?.length)
          done(new Refusal(`the broker refuses the subscription to ${refused.join(', ')}`));
        else done(error);
      }),
    );
  }

  unsubscribe(filters: readonly string[]) {
    if (filters.length === 0) return Promise.resolve();
    return this.#ask((client, done) => client.unsubscribe([...filters], (error) => done(error)));
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#inbox.clear();
    this.#wakeUp();
    const client = this.#mqtt;
    if (!client) return;
    this.#lose('stopped');
    await new Promise<void>((resolve) => {
      const limit = setTimeout(() => client.end(true, () => resolve()), stopLimitMs);
      client.stream.once('close', () => {
        clearTimeout(limit);
        resolve();
      });
      for (const id of Object.keys(client.outgoing)) delete client.outgoing[Number(id)]; // end() would wait for them.
      client.end(false);
    });
  }

  /** One question to the broker: settles with its answer, or rejects when the connection goes. */
  #ask(send: (client: MqttClient, done: (error?: Error | null) => void) => void): Promise<void> {
    const client = this.#mqtt;
    if (!client) return Promise.reject(new ConnectionLost('not connected to the broker'));
    const answer = new Promise<void>((resolve, reject) => {
      this.#unanswered.add(reject);
      send(client, (error) => {
        this.#unanswered.delete(reject);
        if (error) reject(error);
        else resolve();
      });
    });
    return this.#inbox.whileAwaiting(answer);
  }

  #open(limitMs: number) {
    const { url, clientId, username, password, will, maxPacketBytes } = this.#settings;
    let lastError = 'the connection was closed';
    const client = mqtt.connect(url, {
      clientId,
      username,
      ...(password === undefined ? {} : { password }),
      ...(will ? { will: { ...will, payload: asBuffer(will.payload), qos: 1 as const } } : {}),
      protocolVersion: 4,
      clean: true,
      keepalive: keepaliveS,
      connectTimeout: Math.min(10_000, limitMs),
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
    });
    watchPackets(client.stream, maxPacketBytes, (reason) => {
      lastError = `the broker sent ${reason}`;
      client.stream.destroy();
    });
    client.handleMessage = ({ topic, payload, retain }: IPublishPacket, taken) =>
      this.#inbox.put({ topic, payload: asBuffer(payload), retained: retain }, () => taken());
    client.on('error', (error) => {
      lastError = told(error);
    });
    const opened = new Promise<string | undefined>((resolve) => {
      client.once('close', () => resolve(lastError));
      client.once('connect', () => {
        this.#mqtt = client;
        resolve(undefined);
      });
    });
    const closed = new Promise<string>((resolve) => {
      client.once('close', () => {
        if (this.#mqtt === client) this.#lose(lastError);
        resolve(lastError);
      });
    });
    return { opened, closed };
  }

  /** The life after the first connection: announce, wait for its end, connect again, for ever. */
  async #stay(closed: Promise<string>): Promise<void> {
    let failures = 0;
    for (let ended = closed; !this.#stopped; ) {
      const since = Date.now();
      void this.#announce();
      const reason = await ended;
      if (this.#stopped) return;
      this.#handlers.disconnected?.(reason);
      if (Date.now() - since > steadyMs) failures = 0;
      do {
        await this.#pause(backoffMs(failures++, Math.random));
        if (this.#stopped) return;
        const next = this.#open(10_000);
        ended = next.closed;
        if ((await next.opened) === undefined) break;
      } while (!this.#stopped);
    }
  }

  async #announce(): Promise<void> {
    const client = this.#mqtt;
    await new Promise(setImmediate); // The caller has its client by then.
    try {
      await this.#handlers.connected(this);
    } catch (error) {
      if (this.#mqtt === client) this.#failed(error); // Else the next connection announces again.
    }
  }

  #lose(reason: string): void {
    this.#mqtt = undefined;
    for (const reject of this.#unanswered)
      reject(new ConnectionLost(`the connection to the broker was lost: ${reason}`));
    this.#unanswered.clear();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

const asBuffer = (bytes: Uint8Array | string) =>
  typeof bytes === 'string'
    ? Buffer.from(bytes)
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Out of every promise, so that the process's own policy for mistakes sees it. */
function rethrow(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
