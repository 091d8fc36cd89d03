import type { AuthenticateError, Client, ConnectPacket } from 'aedes';
import type { Log } from '../runtime/log.js';
import { networkOf } from '../runtime/network.js';
import { QuietLog } from '../runtime/quiet-log.js';
import { Rates } from '../runtime/rate.js';
import { namePattern } from '../schemas/topics.js';
import { type Identity, may, type Peer } from './access.js';
import { type RefusedClaim, socketOf } from './claim.js';
import type { Limits } from './limits.js';

type AdmissionLimits = Pick<
  Limits,
  'clientConnectsPerMinute' | 'addressRefusalsPerMinute' | 'clientPacketsPerS' | 'addressPacketsPerS'
>;

/** Counts since the broker's start. */
export interface Counters {
  deniedPublishes: number;
  deniedSubscriptions: number;
  cutClients: number;
}

const burstS = 0.5;
const bytesOfOnePacket = 2 ** 18;

/** What a CONNECT says beside who it is. */
interface Introduction {
  nameless: boolean;
  will?: { topic: string; retain: boolean };
}

/** Who is let in, and how much those who are may send; it decides, Aedes does. */
export class Admission {
  readonly counters: Counters = { deniedPublishes: 0, deniedSubscriptions: 0, cutClients: 0 };
  readonly #peers = new WeakMap<Client, Peer>();
  /** Of those that have said CONNECT and are not in yet. */
  readonly #introductions = new WeakMap<Client, Introduction>();
  readonly #sessions = new Map<string, Client>();
  readonly #addresses = new WeakMap<Client, string>();
  readonly #connects: Rates;
  /** Of passwords, by address. */
  readonly #refusals: Rates;
  readonly #packets: Rates;
  readonly #addressPackets: Rates;
  readonly #log: Log;
  readonly #quietLog: QuietLog;

  constructor(limits: AdmissionLimits, log: Log) {
    this.#log = log;
    this.#quietLog = new QuietLog(log);
    const { clientConnectsPerMinute, addressRefusalsPerMinute, clientPacketsPerS, addressPacketsPerS } =
      limits;
    this.#connects = new Rates({ perS: clientConnectsPerMinute / 60, burst: clientConnectsPerMinute });
    this.#refusals = new Rates({ perS: addressRefusalsPerMinute / 60, burst: addressRefusalsPerMinute });
    this.#packets = new Rates({ perS: clientPacketsPerS, burst: burstS * clientPacketsPerS });
    this.#addressPackets = new Rates({ perS: addressPacketsPerS, burst: burstS * addressPacketsPerS });
  }

  /**
   * Every session is a clean one: the queue of an absent client would have no bound. The CONNACK says so (no
   * session present), and whoever comes back subscribes again.
   */
  greet(client: Client, packet: ConnectPacket): void {
    const { clientId, clean, will } = packet;
    this.#introductions.set(client, {
      nameless: !clientId && !clean,
      ...(will ? { will: { topic: will.topic, retain: will.retain === true } } : {}),
    });
    packet.clean = true;
  }

  /** Why a password is not even looked at: guessing, and the work that each guess makes, have a limit. */
  guessProblem(client: Client): RefusedClaim | undefined {
    if (this.#refusals.has(this.#addressOf(client), Date.now())) return undefined;
    const problem = 'too many wrong passwords from its address (--address-refusals-per-minute)';
    return { code: 3, problem };
  }

  /**
   * Lets a client in as who it has proven to be, or says with which CONNACK code it is refused. Its session is
   * its identity's: nobody else takes it over, whatever client id they send [MQTT-3.1.4-2].
   */
  enter(client: Client, claim: Identity | RefusedClaim): AuthenticateError | null {
    const refused = this.#entryProblem(client, claim);
    if (refused) {
      const address = this.#addressOf(client);
      if (refused.code === 4) this.#refusals.take(address, 1, Date.now());
      this.#quietLog.warn('client refused', { client: client.id, address, problem: refused.problem });
      return refusal(refused);
    }
    this.#peers.set(client, { ...(claim as Identity), clientId: client.id });
    client.id = sessionOf(claim as Identity, client.id);
    this.#sessions.set(client.id, client);
    client.conn.once('close', () => {
      if (this.#sessions.get(client.id) === client) this.#sessions.delete(client.id);
    });
    return null;
  }

  session(id: string): Client | undefined {
    return this.#sessions.get(id);
  }

  /** Whether those wait who send to a client that has too much: what a coordinator can't take yet is not lost. */
  mayHoldUp(client: Client): boolean {
    return this.#peers.get(client)?.role === 'coordinator';
  }

  /** A client sent or pulled a packet. @returns milliseconds before it may send or pull the next */
  charge(client: Client, bytes: number, nowMs: number): number {
    const peer = this.#peers.get(client);
    if (peer?.role === 'coordinator') return 0;
    const cost = 1 + Math.floor(bytes / bytesOfOnePacket);
    const waitMs = this.#addressPackets.take(this.#addressOf(client), cost, nowMs);
    // Before it is let in, its client id is anybody's.
    return peer ? Math.max(waitMs, this.#packets.take(client.id, cost, nowMs)) : waitMs;
  }

  cut(client: Client, reason: string): void {
    if (client.closed) return;
    this.counters.cutClients++;
    this.#log.warn('client cut', { client: this.nameOf(client), reason });
    client.close(); // Its parser hears no more, so a piece that broke a limit is not parsed.
  }

  /** Undefined: it is not in. */
  peerOf(client: Client): Peer | undefined {
    return this.#peers.get(client);
  }

  /** What a client is called in the log. */
  nameOf(client: Client): string {
    return this.#peers.get(client)?.clientId ?? client.id;
  }

  /** Who it has proven to be: for the log, which must tell who did what. */
  holderOf(client: Client): { role?: string; name?: string } {
    const peer = this.#peers.get(client);
    return peer ? { role: peer.role, name: peer.id } : {};
  }

  #addressOf(client: Client): string {
    const address = this.#addresses.get(client) ?? networkOf(socketOf(client).remoteAddress ?? '');
    this.#addresses.set(client, address);
    return address;
  }

  #entryProblem(client: Client, claim: Identity | RefusedClaim): RefusedClaim | undefined {
    if ('problem' in claim) return claim;
    const { nameless, will } = this.#introductions.get(client) ?? {};
    if (nameless) return { code: 2, problem: 'a session needs a client id' }; // [MQTT-3.1.3-8]
    if (claim.role === 'device' && !namePattern.test(claim.id))
      return { code: 2, problem: `${claim.id.slice(0, 200)} is no device's name` };
    if (claim.role === 'device' && client.id !== claim.id)
      return { code: 5, problem: `it is ${claim.id}, and comes as another` };
    if (will && !(may(claim, 'will', will.topic) && (!will.retain || may(claim, 'retain', will.topic))))
      return { code: 5, problem: `a will on ${will.topic.slice(0, 200)} is not for a ${claim.role}` };
    if (!this.#connects.takeOne(sessionOf(claim, client.id), Date.now()))
      return {
        code: 3,
        problem: `it connects too often (--client-connects-per-minute): are two of one id there?`,
      };
    return undefined;
  }
}

/** A device has one session, others one for each of their client ids. */
const sessionOf = ({ role, id }: Identity, clientId: string) =>
  role === 'device' ? id : JSON.stringify([role, id, clientId]);

/** CONNACK codes: 2 identifier rejected, 4 bad user name or password, 5 not authorized [MQTT-3.2.2-5]. */
function refusal({ code, problem }: RefusedClaim): AuthenticateError {
  return Object.assign(new Error(problem), { returnCode: code as number }) as AuthenticateError;
}
