import mqtt, { type MqttClient } from 'mqtt';
import { holderOf, parseCertificate } from '../identity/bundle.js';
import { told } from '../runtime/log.js';
import { Refusal } from '../schemas/refusal.js';
import type { Inbox } from './inbox.js';
import { watchPackets } from './packet-limit.js';

export interface ConnectionSettings {
  /** As mqtt://127.0.0.1:1883 or ws://127.0.0.1:9001. */
  url: string;
  clientId: string;
  username: string;
  /** Read at every connection: a certificate, or a token, is renewed while the client runs. */
  secrets?: () => Secrets;
  will?: { topic: string; payload: Uint8Array; retain: boolean };
  /** A larger packet is neither sent nor taken. */
  maxPacketBytes: number;
  /** 30 unless told otherwise; a lost peer is noticed after 1.5 times this. */
  keepaliveS?: number;
}

/** What a client shows, and whom it believes; PEM. */
export interface Secrets {
  password?: string;
  /** Of a URL that speaks TLS; without `ca` the system's roots count. */
  tls?: { ca?: string; cert?: string; key?: string };
}

export interface PublishOptions {
  retain?: boolean;
  /** 1 unless told otherwise. */
  qos?: 0 | 1;
}

/** The connection ended before the broker answered: what was sent may have arrived or not. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** It must be longer than a chunk takes: only a whole packet counts. */
const usualKeepaliveS = 30;
const goodbyeLimitMs = 2000;

/**
 * One MQTT 3.1.1 connection with a clean session, from CONNACK to its end. Nothing outlives it: no resending,
 * no subscribing again by itself. What is asked of it settles with the broker's answer or the connection's
 * end.
 */
export class Connection {
  /** Resolves, with the reason, when the connection has ended. */
  readonly closed: Promise<string>;
  readonly #client: MqttClient;
  readonly #settings: ConnectionSettings;
  readonly #inbox: Inbox;
  readonly #unanswered = new Set<(error: Error) => void>();
  /** PEM, that we show. */
  readonly #certificate: string | undefined;
  #open = false;

  constructor(settings: ConnectionSettings, inbox: Inbox, limitMs: number) {
    this.#settings = settings;
    this.#inbox = inbox;
    const { url, clientId, username, secrets, will, maxPacketBytes, keepaliveS = usualKeepaliveS } = settings;
    const { password, tls } = secrets?.() ?? {};
    this.#certificate = tls?.cert;
    const client = mqtt.connect(url, {
      clientId,
      username,
      ...(password === undefined ? {} : { password }),
      ...(tls ? { ...tls, minVersion: 'TLSv1.2' as const } : {}),
      ...(will ? { will: { ...will, payload: asBuffer(will.payload), qos: 1 as const } } : {}),
      protocolVersion: 4, // Aedes speaks no other.
      clean: true,
      keepalive: keepaliveS,
      connectTimeout: limitMs,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
    });
    let reason = 'it was closed';
    const end = (why: string) => {
      reason = why;
      client.stream.destroy();
    };
    // After an error of the parser or the protocol MQTT.js would go on with a stream that it no longer
    // understands.
    client.on('error', (error) => end(told(error) || String((error as NodeJS.ErrnoException).code)));
    watchPackets(client.stream, { maxPacketBytes }, (problem) => end(`the broker sent ${problem}`));
    client.handleMessage = ({ topic, payload, retain }, taken) =>
      inbox.put({ topic, payload: asBuffer(payload), retained: retain }, () => taken());
    // MQTT.js would first answer all that is open, and not as a loss.
    client.onKeepaliveTimeout = () => end('the broker does not answer');
    client.once('connect', () => {
      this.#open = true;
    });
    // A packet is several small writes: where they wait for acks (Nagle), every question takes 40 ms more.
    (client.stream as { setNoDelay?(on: boolean): void }).setNoDelay?.(true);
    // Before MQTT.js's own listener, which tells those who wait less.
    client.stream.prependOnceListener('close', () => this.#lose(reason));
    this.closed = new Promise((resolve) => {
      client.once('close', () => resolve(reason));
    });
    this.#client = client;
  }

  /** Resolves when the broker has let us in; rejects with ConnectionLost where it does not come to that. */
  opened(): Promise<this> {
    return new Promise((resolve, reject) => {
      this.#client.once('connect', () => resolve(this));
      void this.closed.then((reason) => reject(new ConnectionLost(reason + this.#ended(Date.now()))));
    });
  }

  /** A broker does not say why it cuts us before it knows us; this reason we see ourselves. */
  #ended(nowMs: number): string {
    if (this.#certificate === undefined) return '';
    const certificate = parseCertificate(this.#certificate, 'our certificate');
    const toMs = Date.parse(certificate.validTo);
    const { role, name } = holderOf(certificate);
    return toMs > nowMs ? '' : `; our certificate, of ${role} ${name}, ended ${new Date(toMs).toISOString()}`;
  }

  publish(topic: string, payload: Uint8Array | string, options: PublishOptions = {}): Promise<void> {
    const bytes = asBuffer(payload);
    const { maxPacketBytes } = this.#settings;
    // The topic's length and a packet id: 2 bytes each.
    const length = Buffer.byteLength(topic) + 4 + bytes.length;
    if (length > maxPacketBytes)
      throw new Refusal(`${topic}: a packet of ${length} bytes, the limit is ${maxPacketBytes}`);
    const { retain = false, qos = 1 } = options;
    return this.#ask((done) => this.#client.publish(topic, bytes, { retain, qos }, (error) => done(error)));
  }

  /** Rejects with a Refusal where the broker refuses one of the filters. */
  subscribe(filters: readonly string[]): Promise<void> {
    return this.#ask((done) =>
      this.#client.subscribe([...filters], { qos: 1 }, (error, _granted, packet) => {
        const codes = packet && 'granted' in packet ? (packet.granted as number[]) : [];
        const refused = filters.filter((_, i) => codes[i] === 0x80); // [MQTT-3.9.3-1]
        if (refused.length > 0)
          done(new Refusal(`the broker refuses a subscription to ${refused.join(', ')}`));
        else done(error);
      }),
    );
  }

  unsubscribe(filters: readonly string[]): Promise<void> {
    return this.#ask((done) => this.#client.unsubscribe([...filters], (error) => done(error)));
  }

  /** Says goodbye, so that no will is published, and closes. */
  async end(): Promise<void> {
    const goodbye = this.#open;
    this.#lose('stopped');
    if (goodbye) this.#client.stream.end(disconnectPacket);
    else this.#client.stream.destroy();
    const limit = setTimeout(() => this.#client.stream.destroy(), goodbyeLimitMs);
    await this.closed;
    clearTimeout(limit);
  }

  #ask(send: (done: (error?: Error | null) => void) => void): Promise<void> {
    const answer = new Promise<void>((resolve, reject) => {
      if (!this.#open) throw new ConnectionLost('the connection to the broker is closed');
      this.#unanswered.add(reject);
      send((error) => {
        this.#unanswered.delete(reject);
        if (error) reject(error);
        else resolve();
      });
    });
    return this.#inbox.whileAwaiting(answer);
  }

  #lose(reason: string): void {
    this.#open = false;
    const error = new ConnectionLost(`the connection to the broker was lost: ${reason}`);
    for (const reject of this.#unanswered) reject(error);
    this.#unanswered.clear();
  }
}

/** MQTT's DISCONNECT [MQTT 3.1.1, 3.14], written by ourselves: MQTT.js would wait for open answers first. */
const disconnectPacket = Buffer.from([0xe0, 0]);

const asBuffer = (bytes: Uint8Array | string) =>
  typeof bytes === 'string'
    ? Buffer.from(bytes)
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
