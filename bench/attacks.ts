/**
 * What healthy clients notice of attacks on the broker: `npm run bench:attacks`. A device publishes 32 KiB of telemetry
 * a hundred times a second, a viewer hears it, and another device connects five times a second; each attack comes from a
 * process and an address of its own. By turns without and with it: the largest gap between two messages, and the
 * longest time that a healthy client took to get in; medians of the turns. Loopback only, bounded in time and number.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { type ClientHandlers, connectClient, type FleetClient } from '../broker/client.js';
import { topicsOf } from '../schemas/topics.js';
import { attacks } from './attack-kinds.js';
import { readFlags } from './flags.js';
import { forkService } from './forked.js';
import { machine, median } from './machine.js';
import { markdown } from './markdown.js';

const values = readFlags({
  attack: { type: 'string', multiple: true, default: Object.keys(attacks) },
  rounds: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '3' },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const unknown = values.attack.filter((name) => !Object.hasOwn(attacks, name));
if (unknown.length > 0 || !(rounds >= 1 && rounds <= 20) || !(seconds >= 1 && seconds <= 60))
  throw new Error(
    `expected --rounds 1 to 20, --seconds 1 to 60, --attack of ${Object.keys(attacks).join('; ')}`,
  );

const topics = topicsOf('default');
const everyMs = 10;
const payload = Buffer.alloc(32 * 1024, 'x');

interface Turn {
  /** Largest, between two messages. */
  gapMs: number;
  /** Largest; the time limit where one did not get in. */
  entryMs: number;
  messages: number;
}

const broker = await forkService('dist/cli/main.js', [
  'broker',
  '--port',
  '0',
  '--ws-port',
  '-1',
  '--log-level',
  'error',
]);
const url = `mqtt://127.0.0.1:${broker.ready.port}`;

function join(
  username: string,
  clientId: string,
  handlers: Partial<ClientHandlers> = {},
): Promise<FleetClient> {
  const settings = { url, username, clientId, connectS: 30, maxPacketBytes: 2 ** 20 };
  return connectClient(settings, { connected: () => undefined, message: () => undefined, ...handlers });
}

async function turn(attack?: string): Promise<Turn> {
  let [lastMs, gapMs, messages] = [performance.now(), 0, 0];
  const losses: string[] = [];
  const heard = () => {
    gapMs = Math.max(gapMs, performance.now() - lastMs);
    lastMs = performance.now();
    messages++;
  };
  const disconnected = (reason: string) => void losses.push(reason);
  const viewer = await join('viewer', 'healthy', {
    connected: (client) => client.subscribe([topics.allTelemetry]),
    message(topic) {
      if (topic === topics.telemetry('board-1')) heard();
    },
    disconnected,
  });
  const device = await join('device', 'board-1', { disconnected });
  const worker =
    attack && fork('dist/bench/attack-worker.js', [attack, String(broker.ready.port), String(seconds)]);
  const ended = worker && once(worker, 'exit');
  const untilMs = performance.now() + seconds * 1000;
  lastMs = performance.now();
  const [entryMs] = await Promise.all([entries(untilMs), publishing(device, untilMs)]);
  heard(); // A silence up to the end is a gap too.
  await ended;
  await Promise.all([viewer.stop(), device.stop()]);
  if (losses.length > 0) throw new Error(`a healthy client was lost under "${attack}": ${losses.join()}`);
  return { gapMs, entryMs, messages: messages - 1 };
}

async function publishing(device: FleetClient, untilMs: number): Promise<void> {
  const sending: Promise<void>[] = [];
  while (performance.now() < untilMs) {
    sending.push(device.publish(topics.telemetry('board-1'), payload, { qos: 0 }));
    await pause(everyMs);
  }
  await Promise.all(sending);
}

async function entries(untilMs: number): Promise<number> {
  let worstMs = 0;
  for (let i = 0; performance.now() < untilMs; i++) {
    const fromMs = performance.now();
    const client = await join('device', `guest-${i}`);
    worstMs = Math.max(worstMs, performance.now() - fromMs);
    await client.stop();
    await pause(200);
  }
  return worstMs;
}

const report: object[] = [];
try {
  const coordinator = await join('coordinator', 'c1');
  const chunk = Buffer.alloc(128 * 1024, 'c');
  for (let i = 0; i < 100; i++)
    await coordinator.publish(topics.adapterChunk('run-1', 1, i), chunk, { retain: true });
  await turn();
  for (const attack of values.attack) {
    const quiet: Turn[] = [];
    const attacked: Turn[] = [];
    for (let round = 0; round < rounds; round++) {
      quiet.push(await turn());
      attacked.push(await turn(attack));
      await pause(1000); // What is left of it is over.
    }
    const of = (turns: Turn[], key: keyof Turn) => Math.round(median(turns.map((one) => one[key])) * 10) / 10;
    const row = {
      attack,
      gapMsQuiet: of(quiet, 'gapMs'),
      gapMs: of(attacked, 'gapMs'),
      entryMsQuiet: of(quiet, 'entryMs'),
      entryMs: of(attacked, 'entryMs'),
      messagesQuiet: of(quiet, 'messages'),
      messages: of(attacked, 'messages'),
    };
    console.log(JSON.stringify(row));
    report.push(row);
  }
  await coordinator.stop();
} finally {
  await broker.end();
}
console.log(`\n${JSON.stringify(machine())}\n\n${markdown(report)}`);
