import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import mqtt from 'mqtt-packet';
import { topicsOf } from '../schemas/topics.js';

/** Attackers come from an address of their own, as the healthy come from theirs. Loopback only. */
const attacker = { host: '127.0.0.1', localAddress: '127.0.0.9' };
/** Of one attack, however fast the broker is. */
const maxConnections = 20_000;
const atOnce = 300;

const topics = topicsOf('default');
const packet = (what: mqtt.Packet) => mqtt.generate(what);
const connectAs = (username: string, clientId: string) =>
  packet({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    keepalive: 0,
    clientId,
    username,
  });

/** Keeps `count` connections open, each doing `work`, and opens others where some were cut. */
async function held(
  port: number,
  untilMs: number,
  count: number,
  work: (socket: Socket, index: number) => Promise<unknown>,
): Promise<void> {
  let opened = 0;
  const one = async () => {
    while (Date.now() < untilMs && opened < maxConnections) {
      const socket = connect({ port, ...attacker });
      socket.on('error', () => undefined);
      const closed = new Promise((done) => socket.once('close', done));
      const over = pause(Math.max(0, untilMs - Date.now()), 'over', { ref: false });
      const index = opened++;
      await Promise.race([once(socket, 'connect').then(() => work(socket, index)), closed, over]).catch(
        () => undefined,
      );
      await Promise.race([closed, over]);
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: count }, one));
}

const silent = () => new Promise<never>(() => undefined);

async function written(socket: Socket, bytes: Uint8Array): Promise<void> {
  if (!socket.write(bytes)) await once(socket, 'drain');
}

/** Says who it is, then the same again and again until it is cut. */
const repeating =
  (hello: Uint8Array, piece: Uint8Array, reads = true) =>
  async (socket: Socket) => {
    if (reads) socket.resume();
    socket.write(hello);
    while (socket.writable) {
      await written(socket, piece);
      await pause(0);
    }
  };

const repeated = (bytes: Uint8Array, times: number) => Buffer.concat(Array<Uint8Array>(times).fill(bytes));
const subscribe = (filters: readonly string[]) =>
  packet({ cmd: 'subscribe', messageId: 1, subscriptions: filters.map((topic) => ({ topic, qos: 0 })) });

/** Name → what it does to a broker until a time is over. */
export const attacks: Record<string, (port: number, untilMs: number) => Promise<void>> = {
  'no CONNECT': (port, untilMs) => held(port, untilMs, atOnce, silent),
  'half a CONNECT': (port, untilMs) =>
    held(port, untilMs, atOnce, async (socket, i) => {
      socket.write(connectAs('device', `loris-${i}`).subarray(0, 12));
      await silent();
    }),
  'a byte a second': (port, untilMs) =>
    held(port, untilMs, atOnce, async (socket, i) => {
      for (const byte of connectAs('device', `loris-${i}`)) {
        socket.write(Uint8Array.of(byte));
        await pause(1000);
      }
    }),
  'connect flood': (port, untilMs) =>
    held(port, untilMs, 50, async (socket, i) => {
      socket.write(connectAs('device', `flood-${i}`));
      await once(socket, 'data');
      socket.destroy();
    }),
  'asks for everything, reads nothing': (port, untilMs) =>
    held(port, untilMs, 20, async (socket, i) => {
      socket.write(connectAs('viewer', `frozen-${i}`));
      socket.write(subscribe([topics.allTelemetry, topics.allAdapterChunks, topics.allPresence]));
      socket.pause();
      await silent();
    }),
  'asks for all chunks, again and again': (port, untilMs) => {
    const unsubscribe = packet({
      cmd: 'unsubscribe',
      messageId: 2,
      unsubscriptions: [topics.allAdapterChunks],
    });
    const both = Buffer.concat([subscribe([topics.allAdapterChunks]), unsubscribe]);
    return held(port, untilMs, 10, (socket, i) =>
      repeating(connectAs('viewer', `greedy-${i}`), repeated(both, 20))(socket),
    );
  },
  'filters by the thousand': (port, untilMs) => {
    const filters = subscribe(Array.from({ length: 5000 }, (_, i) => `${i}/#`));
    return held(port, untilMs, 10, (socket, i) =>
      repeating(connectAs('viewer', `filters-${i}`), filters)(socket),
    );
  },
  'ping flood': (port, untilMs) =>
    held(port, untilMs, 10, (socket, i) =>
      repeating(connectAs('viewer', `ping-${i}`), repeated(packet({ cmd: 'pingreq' }), 8000))(socket),
    ),
  'message flood': (port, untilMs) =>
    held(port, untilMs, 10, (socket, i) => {
      const id = `flood-${i}`;
      const message = packet({
        cmd: 'publish',
        topic: topics.telemetry(id),
        payload: 'x',
        qos: 0,
        retain: false,
        dup: false,
      });
      return repeating(connectAs('device', id), repeated(message, 500))(socket);
    }),
};
