import type { Client, PublishPacket, Subscription } from 'aedes';
import type { Log } from '../runtime/log.js';
import type { Refused } from '../schemas/status.js';
import { matchTopic, topicsOf } from '../schemas/topics.js';
import { isTrigger, may, maySubscribe, type Peer } from './access.js';
import type { Admission } from './admission.js';
import type { Limits } from './limits.js';

type RightsLimits = Pick<
  Limits,
  'maxPacketBytes' | 'maxSubscriptions' | 'maxRetainedBytes' | 'maxDeviceRetainedBytes' | 'maxDenials'
>;

type Entered = Pick<Admission, 'peerOf' | 'nameOf' | 'holderOf' | 'charge' | 'cut' | 'counters'>;

/** What those who are in may send and hear, and what of it is retained; it decides, Aedes does. */
export class Rights {
  readonly #filters = new WeakMap<Client, Set<string>>();
  readonly #denials = new WeakMap<Client, number>();
  readonly #retained = new Map<string, number>();
  #retainedBytes = 0;
  /** Device → bytes of what it left retained, topics too: it may name any fleet. */
  readonly #deviceBytes = new Map<string, number>();
  readonly #limits: RightsLimits;
  readonly #admission: Entered;
  readonly #log: Log;

  constructor(limits: RightsLimits, admission: Entered, log: Log) {
    this.#limits = limits;
    this.#admission = admission;
    this.#log = log;
  }

  /** Whether a message may go out; where it may not, why is logged and counted. */
  allowsPublish(client: Client | null, packet: PublishPacket): boolean {
    const problem = this.#publishProblem(client, packet);
    if (problem === undefined) return true;
    this.#admission.counters.deniedPublishes++;
    this.#tellDenied(client, 'publish denied', { topic: packet.topic.slice(0, 200), problem });
    return false;
  }

  /**
   * What the sender of a retained trigger hears when it was dropped: MQTT 3.1.1 has no answer to a publish,
   * and the coordinator, which says what else is wrong with a trigger, never sees it.
   */
  answerTo(client: Client | null, { topic, retain }: PublishPacket, nowMs: number) {
    const peer = client ? this.#admission.peerOf(client) : undefined;
    const match = matchTopic(topic);
    if (!peer || !match || !retain || !isTrigger(topic) || !may(peer, 'publish', topic)) return undefined;
    const refused: Refused = { id: null, reason: retainedTrigger, at: new Date(nowMs).toISOString() };
    return { topic: topicsOf(match.fleet).roundsRefused, payload: Buffer.from(JSON.stringify(refused)) };
  }

  allowsSubscription(client: Client, { topic }: Subscription): boolean {
    if (client.closed) return false;
    const problem = this.#subscriptionProblem(client, topic);
    if (problem === undefined) return true;
    this.#admission.counters.deniedSubscriptions++;
    this.#tellDenied(client, 'subscription denied', { filter: topic.slice(0, 200), problem });
    return false;
  }

  unsubscribed(client: Client, filters: readonly string[]): void {
    for (const filter of filters) this.#filters.get(client)?.delete(filter);
  }

  #publishProblem(client: Client | null, packet: PublishPacket): string | undefined {
    const peer = client ? this.#admission.peerOf(client) : undefined;
    const { topic, payload, retain } = packet;
    const clears = retain && payload.length === 0;
    if (!peer || !(may(peer, 'publish', topic) || (clears && may(peer, 'clear', topic))))
      return `not for a ${peer?.role ?? 'client that is gone'}${remedy(peer, topic)}`;
    const bytes = topic.length + payload.length;
    if (bytes > this.#limits.maxPacketBytes) return `${bytes} bytes`;
    if (!retain) return undefined;
    if (isTrigger(topic)) return retainedTrigger;
    if (!clears && !may(peer, 'retain', topic)) return 'it is not to be retained: send it without retain';
    return this.#retain(topic, payload.length);
  }

  #retain(topic: string, bytes: number): string | undefined {
    const before = this.#retained.get(topic);
    const after = this.#retainedBytes - (before ?? 0) + bytes;
    const { maxRetainedBytes, maxDeviceRetainedBytes } = this.#limits;
    if (bytes > 0 && after > maxRetainedBytes)
      return `retained: ${after} bytes together, the limit is ${maxRetainedBytes} (--max-retained-bytes)`;
    const match = matchTopic(topic);
    if (match && 'device' in match) {
      const counted = (payload = 0) => (payload > 0 ? topic.length + payload : 0);
      const own = (this.#deviceBytes.get(match.device) ?? 0) - counted(before) + counted(bytes);
      if (bytes > 0 && own > maxDeviceRetainedBytes)
        return `retained: ${own} bytes of one device, the limit is ${maxDeviceRetainedBytes} (--max-device-retained-bytes)`;
      if (own === 0) this.#deviceBytes.delete(match.device);
      else this.#deviceBytes.set(match.device, own);
    }
    this.#retainedBytes = after;
    if (bytes === 0)
      this.#retained.delete(topic); // An empty payload clears [MQTT-3.3.1-10].
    else this.#retained.set(topic, bytes);
    return undefined;
  }

  #subscriptionProblem(client: Client, filter: string): string | undefined {
    const peer = this.#admission.peerOf(client);
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
    if (client) {
      this.#denials.set(client, count);
      this.#admission.charge(client, 0, Date.now());
    }
    if (client && count >= this.#limits.maxDenials)
      this.#admission.cut(client, `${count} of its messages and subscriptions were refused (--max-denials)`);
    if (Number.isInteger(Math.log2(count)))
      this.#log.warn(message, {
        client: client && this.#admission.nameOf(client),
        ...(client ? this.#admission.holderOf(client) : {}),
        count,
        ...facts,
      });
  }
}

/** Who comes from another machine without a user name is a viewer, and its trigger would vanish unexplained. */
const remedy = (peer: Peer | undefined, topic: string) =>
  peer?.role === 'viewer' && isTrigger(topic)
    ? ': runs are started and stopped by the user name operator'
    : '';

// It would start its run again whenever a coordinator connects.
const retainedTrigger = 'a retained trigger: send it without retain';
