import type { SettingTable } from '../schemas/settings.js';

/** What one client, one address and all together may take of a broker. */
export const limitSettings = {
  maxPacketBytes: {
    kind: 'integer',
    default: 2 ** 20,
    min: 2 ** 14,
    max: 2 ** 28 - 1,
    help: 'a client that sends a larger packet is cut',
  },
  maxControlBytes: {
    kind: 'integer',
    default: 2 ** 16,
    min: 2 ** 10,
    max: 2 ** 28 - 1,
    help: 'likewise a larger one that is no message: CONNECT, SUBSCRIBE and the like',
  },
  maxConnections: {
    kind: 'integer',
    default: 2000,
    min: 1,
    max: 1_000_000,
    help: 'open at once, a listener',
  },
  maxAddressConnections: {
    kind: 'integer',
    default: 1000,
    min: 1,
    max: 1_000_000,
    help: 'open at once from one address (IPv6: one /64), both listeners together',
  },
  maxAddressWaiting: {
    kind: 'integer',
    default: 500,
    min: 1,
    max: 1_000_000,
    help: 'of these, that have not been let in yet: TLS and CONNECT take a moment, an attacker’s for ever',
  },
  addressConnectsPerS: {
    kind: 'number',
    default: 100,
    min: 0.1,
    max: 1_000_000,
    help: 'new connections a second from one address; what ten seconds allow may come at once',
  },
  addressRefusalsPerMinute: {
    kind: 'number',
    default: 60,
    min: 1,
    max: 1_000_000,
    help: 'wrong passwords and tokens a minute from one address; beyond it none is looked at',
  },
  clientConnectsPerMinute: {
    kind: 'number',
    default: 60,
    min: 1,
    max: 1_000_000,
    help: 'connections a minute of one client: two boards with one id throw each other out no faster',
  },
  clientPacketsPerS: {
    kind: 'number',
    default: 1000,
    min: 1,
    max: 1_000_000,
    help: 'packets a second of one client, a large one counts once for each 256 KiB; more are read later. Not of a coordinator',
  },
  addressPacketsPerS: {
    kind: 'number',
    default: 10_000,
    min: 1,
    max: 10_000_000,
    help: 'likewise of all clients of one address together',
  },
  maxDenials: {
    kind: 'integer',
    default: 1000,
    min: 1,
    max: 1_000_000_000,
    help: 'a client with so many refused messages and subscriptions in one connection is cut',
  },
  maxSubscriptions: { kind: 'integer', default: 200, min: 1, max: 100_000, help: 'that a client may hold' },
  maxRetainedBytes: {
    kind: 'integer',
    default: 2 ** 30,
    min: 2 ** 20,
    max: 2 ** 40,
    help: 'payloads of all retained messages together',
  },
  maxQueuedBytes: {
    kind: 'integer',
    default: 2 ** 23,
    min: 2 ** 16,
    max: 2 ** 32,
    help: 'a client that reads so slowly that more waits for it is cut; who sends to a coordinator is read slower',
  },
  drainTimeoutS: {
    kind: 'number',
    default: 10,
    min: 0.1,
    max: 3600,
    help: 'a client whose socket does not empty in this time is cut',
  },
  connectTimeoutS: {
    kind: 'number',
    default: 10,
    min: 0.1,
    max: 3600,
    help: 'a client that has not introduced itself in this time is cut',
  },
} satisfies SettingTable;

export type Limits = { readonly [K in keyof typeof limitSettings]: number };
