import type { IncomingMessage } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Aedes, type Client } from 'aedes';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { type Log, told } from '../runtime/log.js';
import { QuietLog } from '../runtime/quiet-log.js';
import type { Service } from '../runtime/service.js';
import { Refusal } from '../schemas/refusal.js';
import { Admission, type Counters } from './admission.js';
import { socketOf } from './claim.js';
import { deliverApart } from './delivery.js';
import { Door } from './door.js';
import { Gate } from './gate.js';
import type { GateSettings } from './gate-rules.js';
import type { Limits } from './limits.js';
import { createListeners } from './listeners.js';
import { paceReads } from './pacing.js';
import { watchPackets } from './packet-limit.js';
import { Rights } from './rights.js';

export interface BrokerOptions extends Limits, Partial<GateSettings> {
  host: string;
  /** 0: any free one. */
  port: number;
  /** Of the WebSocket listener; 0: any free one, -1: none. */
  wsPort: number;
  /** Web pages that may connect by WebSocket, as https://example.org. */
  origins: readonly string[];
}

export interface Broker extends Service {
  readonly port: number;
  /** -1 where there is no WebSocket listener. */
  readonly wsPort: number;
  readonly counters: Readonly<Counters>;
}

/** What Aedes' types leave out. */
interface Keeps {
  persistence: { outgoingClearMessageId(): Promise<undefined> };
}

// Aedes tells other brokers of itself at this rate, and publishes the wills of brokers that fell silent. We
// have one broker, and at Aedes' own rate of a minute a machine that slept would publish the wills of clients
// that live. Four times this is the longest interval that a timer takes.
const heartbeatMs = 2 ** 29 - 1;

/** For so long nothing is read of one who sends to a coordinator that has more than enough. */
const holdUpMs = 100;

/** Starts an MQTT 3.1.1 broker. @throws Refusal where an address can't be listened on, or a file can't be used */
export async function startBroker(options: BrokerOptions, log: Log): Promise<Broker> {
  const { host, maxPacketBytes, maxControlBytes, maxQueuedBytes } = options;
  const admission = new Admission(options, log);
  const door = new Door(options, log);
  const gate = await Gate.open(options, log);
  const aedes = await createAedes(options, admission, gate, door, log);
  const holds = new WeakMap<Client, (waitMs: number) => void>();
  const serve = (connection: Duplex, request?: IncomingMessage) => {
    if (connection.destroyed) return;
    const client = aedes.handle(connection, request);
    const cut = (reason: string) => admission.cut(client, reason);
    const charge = (bytes: number) => admission.charge(client, bytes, Date.now());
    let packets = 0;
    const remaining = watchPackets(connection, options, cut, (bytes) => {
      packets++;
      const waitMs = charge(bytes);
      if (waitMs > 0) pace.hold(waitMs);
    });
    // What comes behind a CONNECT waits for its answer: Aedes might take it before it knows whose it is. A first packet
    // that is longer than one may be waits as well, until its time is over.
    const isBegun = () => packets === 1 && remaining() > 0 && remaining() <= maxControlBytes;
    const open = () => packets === 0 || isBegun() || client.connected || client.closed;
    if (request) watchStranger(request.socket, maxControlBytes, client, cut);
    const pace = paceReads(connection, { remaining, open });
    client.once('connected', pace.again);
    holds.set(client, pace.hold);
    const full = (bytes: number, sender: string | undefined) => {
      if (!admission.mayHoldUp(client)) {
        cut(`${bytes} bytes wait for it, the limit is ${maxQueuedBytes} (--max-queued-bytes)`);
        return false;
      }
      const from = sender === undefined ? undefined : admission.session(sender);
      if (from) holds.get(from)?.(holdUpMs);
      return true;
    };
    deliverApart(client, { maxQueuedBytes, full, pulled: charge });
  };
  const quiet = new QuietLog(log);
  const sockets = new Set<Socket>();
  const { tcp, http } = createListeners(gate, options.connectTimeoutS * 1000, log, serve);
  const webSockets = new WebSocketServer({
    server: http,
    maxPayload: 2 * maxPacketBytes,
    // A browser tells whose page connects: any page on this machine could be an operator [RFC 6455, 10.2].
    verifyClient: ({ origin }: { origin: string | undefined }) => {
      if (origin === undefined || options.origins.includes(origin)) return true;
      const reason = `a web page of ${origin.slice(0, 200)}, which --origins does not list`;
      quiet.warn('connection refused', { reason });
      return false;
    },
  });
  webSockets.on('error', () => undefined); // It repeats the errors of `http`, which listen() answers.
  webSockets.on('connection', (socket, request) => serve(createWebSocketStream(socket), request));
  http.on('request', (_request, response) => response.writeHead(426, { connection: 'close' }).end());
  for (const server of [tcp, http]) {
    door.guard(server);
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
  }
  const stop = async () => {
    gate.stop();
    for (const server of [tcp, http]) server.close();
    // MQTT 3.1.1 has no goodbye of a broker's; WebSocket has: 1001, going away [RFC 6455, 7.4.1].
    for (const client of webSockets.clients) client.close(1001, 'the broker stops');
    await new Promise<void>((done) => aedes.close(done));
    for (const socket of sockets) socket.destroy();
  };
  try {
    const port = await listen(tcp, options.port, host, '--port');
    const wsPort = options.wsPort < 0 ? -1 : await listen(http, options.wsPort, host, '--ws-port');
    return { port, wsPort, counters: admission.counters, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A message of a WebSocket is collected whole before anybody reads of it: of who is not in yet, so much at most. */
function watchStranger(
  socket: Socket,
  maxBytes: number,
  client: Client,
  cut: (reason: string) => void,
): void {
  let bytes = 0;
  const count = (piece: Buffer) => {
    bytes += piece.length;
    if (bytes <= maxBytes) return;
    cut(`more than ${maxBytes} bytes before it was let in (--max-control-bytes)`);
    socket.destroy();
  };
  socket.on('data', count);
  client.once('connected', () => socket.off('data', count));
}

async function createAedes(
  options: BrokerOptions,
  admission: Admission,
  gate: Gate,
  door: Door,
  log: Log,
): Promise<Aedes> {
  const logFailed = (error?: Error) => error && log.error('answer not published', { reason: told(error) });
  const rights = new Rights(options, admission, log);
  const aedes = await Aedes.createBroker({
    connectTimeout: options.connectTimeoutS * 1000,
    drainTimeout: options.drainTimeoutS * 1000,
    heartbeatInterval: heartbeatMs,
    maxTopicLevels: 16,
    concurrency: 0, // Of messages in delivery: with a limit, those for a coordinator that is slow hold up all others.
    maxInflightInbound: 32, // Of QoS 2, each of them a payload in memory until its sender says PUBREL.
    preConnect: (client, packet, done) => {
      admission.greet(client, packet);
      done(null, true);
    },
    authenticate: (client, username, password, done) => {
      const guessProblem = () => admission.guessProblem(client);
      void gate.identify(client, username, password, guessProblem).then((claim) => {
        if (client.closed) return;
        const refused = admission.enter(client, claim);
        if (!refused) door.entered(socketOf(client));
        done(refused, refused === null);
      });
    },
    authorizePublish: (client, packet, done) => {
      // An error would cut the client, and a broker may as well acknowledge what it drops [MQTT-3.3.5-2]: a
      // denied message goes on, empty, to a topic that nobody may subscribe to.
      if (!rights.allowsPublish(client, packet)) {
        const answer = rights.answerTo(client, packet, Date.now());
        Object.assign(packet, { topic: '$SYS/denied', payload: Buffer.alloc(0), retain: false });
        if (answer)
          aedes.publish({ cmd: 'publish', qos: 1, dup: false, retain: false, ...answer }, logFailed);
      }
      done(null);
    },
    authorizeSubscribe: (client, subscription, done) =>
      done(null, rights.allowsSubscription(client, subscription) ? subscription : null),
  });
  // It would look for what is kept of a session that lasts, of which we have none, and keep an entry of each client id.
  const { persistence } = aedes as unknown as Keeps;
  persistence.outgoingClearMessageId = async () => undefined;
  aedes.on('unsubscribe', (filters, client) => rights.unsubscribed(client, filters));
  const named = (client: Client | null) => client && admission.nameOf(client);
  aedes.on('clientDisconnect', (client) => log.debug('client out', { client: named(client) }));
  aedes.on('publish', ({ topic, payload, retain }, client) =>
    log.debug('message', { topic, bytes: payload.length, retain, client: named(client) }),
  );
  aedes.on('client', (client) =>
    log.info('client in', { client: named(client), ...admission.holderOf(client) }),
  );
  const strangers = new QuietLog(log);
  for (const event of ['clientError', 'connectionError'] as const)
    aedes.on(event, (client, error) => {
      const isKnown = client && admission.holderOf(client).name !== undefined;
      (isKnown ? log : strangers).info('client lost', { client: named(client), reason: told(error) });
    });
  return aedes;
}

/** Listens; answers the port, which is the system's choice where 0 was asked for. */
async function listen(server: Server, port: number, host: string, flag: string): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      throw new Refusal(`port ${port} on ${host} is taken: stop what uses it or give another with ${flag}`);
    throw new Refusal(
      `can't listen on port ${port} of ${host} (${code}): give another with ${flag} or --host`,
    );
  }
  return (server.address() as AddressInfo).port;
}
