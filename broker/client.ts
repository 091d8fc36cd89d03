import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { brokerAddress } from '../schemas/addresses.js';
import { Refusal } from '../schemas/refusal.js';
import { Connection, ConnectionLost, type ConnectionSettings, type PublishOptions } from './connection.js';
import { Inbox } from './inbox.js';

export { ConnectionLost } from './connection.js';
export { type Reach, reachOf } from './reach.js';

export interface ClientSettings extends ConnectionSettings {
  /** The first connection must come within. */
  connectS: number;
}

export interface ClientHandlers {
  /** At every connection, the first and later ones: subscribe and announce here. */
  connected(client: FleetClient): void | Promise<void>;
  disconnected?(reason: string): void;
  /** Why an attempt at the way back failed: each reason once, until it is connected again. */
  refused?(reason: string): void;
  /** One at a time. While it works and 16 packets' worth waits, nothing more is read from the connection. */
  message(topic: string, payload: Uint8Array, retained: boolean): void | Promise<void>;
  /** What a handler threw; where there is none, it ends the process as our own mistake. */
  failed?(error: unknown): void;
}

export interface FleetClient {
  readonly connected: boolean;
  /**
   * Resolves on the broker's ack, which says nothing about any receiver. Rejects with ConnectionLost, or a
   * Refusal.
   */
  publish(topic: string, payload: Uint8Array | string, options?: PublishOptions): Promise<void>;
  /** Rejects with a Refusal where the broker refuses one of them. */
  subscribe(filters: readonly string[]): Promise<void>;
  unsubscribe(filters: readonly string[]): Promise<void>;
  /** Says goodbye, so that no will is published, and connects again, with the certificate that is there now. */
  reconnect(): Promise<void>;
  /** Says goodbye, so that no will is published, and connects no more. */
  stop(): Promise<void>;
}

const attemptLimitMs = 10_000;
/** A connection that held this long was a good one: the next wait is short again. */
const steadyMs = 10_000;

/**
 * Milliseconds before the next attempt: doubles up to 10 s, its upper half by chance, so that a fleet spreads
 * out.
 */
export const backoffMs = (failures: number, random: () => number) =>
  Math.min(10_000, 250 * 2 ** Math.min(failures, 10)) * (0.5 + random() / 2);

/**
 * Connects to a broker and stays connected until stopped: after the first connection it tries for ever.
 * @throws Refusal where no broker answers within connectS, or it does not let us in
 */
export async function connectClient(
  settings: ClientSettings,
  handlers: ClientHandlers,
): Promise<FleetClient> {
  requireUrl(settings.url);
  const client = new ReconnectingClient(settings, handlers);
  await client.start();
  return client;
}

class ReconnectingClient implements FleetClient {
  readonly #settings: ClientSettings;
  readonly #handlers: ClientHandlers;
  readonly #failed: (error: unknown) => void;
  readonly #inbox: Inbox;
  readonly #stopping = new AbortController();
  /** The open connection or the attempt at one. */
  #connection: Connection | undefined;
  #connected = false;

  constructor(settings: ClientSettings, handlers: ClientHandlers) {
    this.#settings = settings;
    this.#handlers = handlers;
    this.#failed = handlers.failed ?? crash;
    const { maxPacketBytes } = settings;
    this.#inbox = new Inbox(
      (...message) => (this.#stopping.signal.aborted ? undefined : handlers.message(...message)),
      this.#failed,
      16 * maxPacketBytes,
    );
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** The first connection, within its limit. */
  async start(): Promise<void> {
    const { url, connectS } = this.#settings;
    const deadlineMs = Date.now() + connectS * 1000;
    for (let failures = 0; ; failures++) {
      try {
        const connection = await this.#open(Math.min(attemptLimitMs, deadlineMs - Date.now()));
        void this.#live(connection).catch(crash);
        return;
      } catch (error) {
        if (error instanceof Refusal) throw error;
        const { message: reason } = error as Error;
        if (/^Connection refused: (?!Server unavailable)/.test(reason))
          // MQTT.js's words for a CONNACK that says no.
          throw new Refusal(
            `the broker at ${url} does not let us in as ${this.#settings.username}: ${reason}; its log says why`,
          );
        if (isDistrust(reason))
          throw new Refusal(
            `the broker at ${url} is not one that we believe (${reason}): ` +
              'is the address the one in its certificate, and ca.crt (--tls) of its authority?',
          );
        const waitMs = backoffMs(failures, Math.random);
        if (Date.now() + waitMs >= deadlineMs) {
          const shows = this.#settings.secrets?.().tls?.cert !== undefined;
          throw new Refusal(
            `no broker answered at ${url} within ${connectS} s (${reason}): ${remedy(url, reason, shows)}`,
          );
        }
        await pause(waitMs);
      }
    }
  }

  publish(topic: string, payload: Uint8Array | string, options?: PublishOptions): Promise<void> {
    return this.#use((connection) => connection.publish(topic, payload, options));
  }

  async subscribe(filters: readonly string[]): Promise<void> {
    if (filters.length > 0) await this.#use((connection) => connection.subscribe(filters));
  }

  async unsubscribe(filters: readonly string[]): Promise<void> {
    if (filters.length > 0) await this.#use((connection) => connection.unsubscribe(filters));
  }

  async reconnect(): Promise<void> {
    if (this.#connected) await this.#connection?.end();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#inbox.clear();
    this.#connected = false;
    await this.#connection?.end();
  }

  async #use(ask: (connection: Connection) => Promise<void>): Promise<void> {
    if (!this.#connection || !this.#connected) throw new ConnectionLost('not connected to the broker');
    await ask(this.#connection);
  }

  async #open(limitMs: number): Promise<Connection> {
    this.#connection = new Connection(this.#settings, this.#inbox, Math.max(1, limitMs));
    return await this.#connection.opened();
  }

  /** The life after the first connection: announce, wait for the end, connect again. */
  async #live(first: Connection): Promise<void> {
    const { signal } = this.#stopping;
    const told = new Set<string>();
    const failed = (error: Error) => {
      if (!signal.aborted && !told.has(error.message)) this.#handlers.refused?.(error.message);
      told.add(error.message);
      return undefined;
    };
    let failures = 0;
    for (let connection: Connection | undefined = first; !signal.aborted; ) {
      if (connection) {
        const sinceMs = Date.now();
        this.#connected = true;
        void this.#announce(connection);
        const reason = await connection.closed;
        this.#connected = false;
        if (signal.aborted) return;
        this.#handlers.disconnected?.(reason);
        if (Date.now() - sinceMs > steadyMs) failures = 0;
        told.clear();
      }
      await pause(backoffMs(failures++, Math.random), undefined, { signal }).catch(() => undefined);
      connection = signal.aborted ? undefined : await this.#open(attemptLimitMs).catch(failed);
    }
  }

  async #announce(connection: Connection): Promise<void> {
    await nextTurn(); // Whoever awaits connectClient has its client by then.
    try {
      if (!this.#stopping.signal.aborted) await this.#handlers.connected(this);
    } catch (error) {
      const isOver = this.#connection !== connection || !this.#connected;
      if (!isOver) this.#failed(error); // Else the next connection announces again.
    }
  }
}

/** Words of OpenSSL and Node for a broker that is somebody else; an expired one may be a clock that is behind. */
const isDistrust = (reason: string) =>
  /altnames|self-signed certificate|unable to (verify|get local issuer)|certificate purpose/.test(reason);

const remedies: readonly [RegExp, string][] = [
  [
    /certificate (has expired|is not yet valid)/,
    'look at this machine’s clock, then at the broker’s certificate',
  ],
  [/ENOTFOUND|EAI_AGAIN|E(NET|HOST)UNREACH/, 'is this machine’s network up, and --broker the right address?'],
  [/ECONNREFUSED/, 'start one with `fleetune broker`, or give its address with --broker'],
  [
    /our certificate, .* ended/,
    'if this machine’s clock is right, a new claim lets us in again: `fleetune claim`, then `fleetune enroll` with this --tls',
  ],
];

/** @param shows a certificate */
function remedy(url: string, reason: string, shows: boolean): string {
  const known = remedies.find(([pattern]) => pattern.test(reason))?.[1];
  if (known !== undefined) return known;
  const what = /^(mqtts|wss|tls|ssl):/.test(url) ? 'one that speaks TLS' : 'a broker';
  const cut = shows ? 'cuts us, as where our certificate is revoked,' : 'cuts us';
  return `is it the address of ${what}? One that ${cut} says in its log why`;
}

function requireUrl(url: string): void {
  const { read, shown, expected } = brokerAddress;
  if (read(url) === undefined) throw new Refusal(`broker ${shown(url)}: expected ${expected}`);
}

/** Out of every promise, so that the process's own policy for mistakes sees it. */
function crash(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
