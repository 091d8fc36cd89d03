import type { Socket } from 'node:net';
import type { AuthenticateError, Client, ConnectPacket, PublishPacket, Subscription } from 'aedes';
import type { Log } from '../runtime/log.js';
import type { Refused } from '../schemas/status.js';
import { matchTopic, namePattern, topicsOf } from '../schemas/topics.js';
import { isTrigger, mayClear, mayPublish, maySubscribe, type Peer, roles } from './access.js';

export interface AdmissionLimits {
  maxPacketBytes: number;
  /** Of one client. */
  maxSubscriptions: number;
  /** Payloads of all retained messages together. */
  maxRetainedBytes: number;
}

/** Counts since the broker's start. */
export interface Counters {
  deniedPublishes: number;
  deniedSubscriptions: number;
  cutClients: number;
}

/** Who is connected, what they may do and what they hold; it decides, Aedes does. */
export class Admission {
  readonly counters: Counters = { deniedPublishes: 0, deniedSubscriptions: 0, cutClients: 0 };
  readonly #peers = new WeakMap<Client, Peer>();
  readonly #nameless = new WeakSet<Client>();
  readonly #current = new Map<string, Client>();
  readonly #filters = new WeakMap<Client, Set<string>>();
  readonly #denials = new WeakMap<Client, number>();
  readonly #retained = new Map<string, number>();
  #retainedBytes = 0;
  readonly #limits: AdmissionLimits;
  readonly #log: Log;

  constructor(limits: AdmissionLimits, log: Log) {
    this.#limits = limits;
    this.#log = log;
  }

  /**
   * Every session is a clean one: the queue of an absent client would have no bound. The CONNACK says so (no
   * session present), and whoever comes back subscribes again.
   */
  greet(client: Client, packet: ConnectPacket): void {
    if (!packet.clientId && !packet.clean) this.#nameless.add(client);
    packet.clean = true;
  }

  /** Lets a client in under a role, or says with which CONNACK code it is refused. */
  enter(client: Client, username: string | undefined): AuthenticateError | null {
    if (this.#nameless.has(client)) return refusal(2, 'a session needs a client id'); // [MQTT-3.1.3-8]
    const local = isLocal(client);
    const role = username ? roles.find((r) => r === username) : local ? 'operator' : 'viewer';
    if (!role) return refusal(4, `no such role: the user name is one of ${roles.join(', ')}`);
    if (role === 'device' && !namePattern.test(client.id))
      return refusal(2, `client id ${client.id} is no device's name`);
    const before = this.#current.get(client.id);
    const holder = before && this.#peers.get(before)?.role;
    if (holder && holder !== role) return refusal(2, `client id ${client.id} is a connected ${holder}'s`);
    this.#peers.set(client, { role, clientId: client.id, local });
    this.#current.set(client.id, client);
    client.conn.once('close', () => {
      if (this.#current.get(client.id) === client) this.#current.delete(client.id);
    });
    return null;
  }

  /** Whether a message may go out; where it may not, why is logged and counted. */
  allowsPublish(client: Client | null, packet: PublishPacket): boolean {
    const problem = this.#publishProblem(client, packet);
    if (problem === undefined) return true;
    this.counters.deniedPublishes++;
    this.#tellDenied(client, 'publish denied', { topic: packet.topic.slice(0, 200), problem });
    return false;
  }

  /**
   * What the sender of a retained trigger hears when it was dropped: MQTT 3.1.1 has no answer to a publish,
   * and the coordinator, which says what else is wrong with a trigger, never sees it.
   */
  answerTo(client: Client | null, { topic, retain }: PublishPacket, nowMs: number) {
    const peer = client && this.#peers.get(client);
    const match = matchTopic(topic);
    if (!peer || !match || !retain || !isTrigger(topic) || !mayPublish(peer, topic)) return undefined;
    const refused: Refused = { id: null, reason: retainedTrigger, at: new Date(nowMs).toISOString() };
    return { topic: topicsOf(match.fleet).roundsRefused, payload: Buffer.from(JSON.stringify(refused)) };
  }

  allowsSubscription(client: Client, { topic }: Subscription): boolean {
    const problem = this.#subscriptionProblem(client, topic);
    if (problem === undefined) return true;
    this.counters.deniedSubscriptions++;
    this.#tellDenied(client, 'subscription denied', { filter: topic.slice(0, 200), problem });
    return false;
  }

  unsubscribed(client: Client, filters: readonly string[]): void {
    for (const filter of filters) this.#filters.get(client)?.delete(filter);
  }

  #publishProblem(client: Client | null, packet: PublishPacket): string | undefined {
    const peer = client && this.#peers.get(client);
    const { topic, payload, retain } = packet;
    const clears = retain && payload.length === 0;
    if (!peer || !(mayPublish(peer, topic) || (clears && mayClear(peer, topic))))
      return `not for a ${peer?.role ?? 'client that is gone'}${remedy(peer, topic)}`;
    const bytes = topic.length + payload.length;
    if (bytes > this.#limits.maxPacketBytes) return `${bytes} bytes`;
    if (retain && isTrigger(topic)) return retainedTrigger;
    return retain ? this.#retain(topic, payload.length) : undefined;
  }

  #retain(topic: string, bytes: number): string | undefined {
    const after = this.#retainedBytes - (this.#retained.get(topic) ?? 0) + bytes;
    const { maxRetainedBytes } = this.#limits;
    if (bytes > 0 && after > maxRetainedBytes)
      return `retained: ${after} bytes together, the limit is ${maxRetainedBytes} (--max-retained-bytes)`;
    this.#retainedBytes = after;
    if (bytes === 0)
      this.#retained.delete(topic); // An empty payload clears [MQTT-3.3.1-10].
    else this.#retained.set(topic, bytes);
    return undefined;
  }

  #subscriptionProblem(client: Client, filter: string): string | undefined {
    const peer = this.#peers.get(client);
    if (!peer || !maySubscribe(peer, filter)) return `not for a ${peer?.role}`;
    const held = this.#filters.get(client) ?? new Set();
    this.#filters.set(client, held);
    const { maxSubscriptions } = this.#limits;
    if (!held.has(filter) && held.size >= maxSubscriptions)
      return `it holds ${held.size} subscriptions already, the limit (--max-subscriptions)`;
    held.add(filter);
    return undefined;
  }

  /** The 1st, 2nd, 4th, 8th … denial of a client gets a line: a client in a loop can't fill the log. */
  #tellDenied(client: Client | null, message: string, facts: Record<string, unknown>): void {
    const count = client ? (this.#denials.get(client) ?? 0) + 1 : 1;
    if (client) this.#denials.set(client, count);
    if (Number.isInteger(Math.log2(count))) this.#log.warn(message, { client: client?.id, count, ...facts });
  }
}

/** Who comes from another machine without a user name is a viewer, and its trigger would vanish unexplained. */
const remedy = (peer: Peer | null | undefined, topic: string) =>
  peer?.role === 'viewer' && isTrigger(topic)
    ? ': runs are started and stopped by the user name operator'
    : '';

// It would start its run again whenever a coordinator connects.
const retainedTrigger = 'a retained trigger: send it without retain';

function isLocal(client: Client): boolean {
  const { remoteAddress } = client.req?.socket ?? (client.conn as Socket);
  return /^(::ffff:)?127\.|^::1$/.test(remoteAddress ?? '');
}

/** CONNACK codes: 2 identifier rejected, 4 bad user name or password, 5 not authorized [MQTT-3.2.2-5]. */
function refusal(returnCode: 2 | 4 | 5, message: string): AuthenticateError {
  return Object.assign(new Error(message), { returnCode: returnCode as number }) as AuthenticateError;
}
