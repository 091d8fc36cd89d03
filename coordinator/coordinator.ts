import { join } from 'node:path';
import type { ClientHandlers, FleetClient } from '../broker/client.js';
import { isDiskTrouble } from '../runtime/disk-trouble.js';
import { type Log, told } from '../runtime/log.js';
import { QuietLog } from '../runtime/quiet-log.js';
import { decode } from '../schemas/codec.js';
import type { Chunk, Presence, TelemetryBatch } from '../schemas/messages.js';
import { Refusal } from '../schemas/refusal.js';
import { matchTopic, type Topics, topicsOf } from '../schemas/topics.js';
import type { Sink } from '../telemetry/sink.js';
import { Alive } from './alive.js';
import { Announcer } from './announcer.js';
import type { Clocks } from './clock-step.js';
import { FairQueue } from './fair-queue.js';
import { OpenRun } from './open-run.js';
import { announced, deathPoint, removed } from './presence.js';
import { Publisher } from './publish.js';
import { type DriverOptions, RunDriver } from './run-driver.js';
import { RunStarter } from './run-starter.js';
import { findRuns } from './runs.js';
import { type Calendar, Schedule } from './schedule.js';

export interface CoordinatorOptions extends DriverOptions {
  chunkBytes: number;
  maxDevices: number;
  /** Raw values of a run's settings where a trigger says nothing. */
  defaults: Record<string, unknown>;
}

export interface CoordinatorParts extends Clocks {
  sink: Pick<Sink, 'write' | 'take'>;
  log: Log;
  calendar: Calendar | null;
  random: () => number;
}

/** A device sends 16 in a batch, and again what it has no receipt for. */
const chunkLimits = { ownItems: 32, allBytes: 2 ** 25 };

/**
 * The coordinator between broker and disk. Messages, ticks and results of work take their turn one after the
 * other; after each the run is driven as far as it goes.
 */
export class Coordinator {
  readonly #options: CoordinatorOptions;
  readonly #parts: CoordinatorParts;
  /** Of what devices can cause at will. */
  readonly #quiet: QuietLog;
  readonly #chunks = new FairQueue(chunkLimits);
  readonly #topics: Topics;
  readonly #announcer: Announcer;
  readonly #publisher: Publisher;
  readonly #alive: Alive;
  /** Devices that spoke since the connection: what was retained of them, and comes behind, is older. */
  readonly #spoke = new Set<string>();
  #driver!: RunDriver;
  #starter!: RunStarter;
  #turn: Promise<void> = Promise.resolve();
  #ticking: Promise<void> | undefined;
  #stopped = false;

  private constructor(options: CoordinatorOptions, parts: CoordinatorParts) {
    this.#options = options;
    this.#parts = parts;
    this.#quiet = new QuietLog(parts.log);
    this.#topics = topicsOf(options.fleet);
    this.#announcer = new Announcer(this.#topics, parts.log);
    this.#publisher = new Publisher(
      this.#topics,
      options.chunkBytes,
      parts.log,
      () => void this.#then(() => undefined),
    );
    this.#alive = new Alive(options.runs);
  }

  /** Reads the runs folder and takes up the run that is open there. @throws Refusal for a damaged journal */
  static async open(options: CoordinatorOptions, parts: CoordinatorParts): Promise<Coordinator> {
    const coordinator = new Coordinator(options, parts);
    await coordinator.#resume();
    return coordinator;
  }

  get handlers(): ClientHandlers {
    return {
      connected: (client) => this.#connected(client),
      disconnected: (reason) => this.#disconnected(reason),
      refused: (reason) => this.#parts.log.warn('broker not reached', { reason }),
      message: (topic, payload, retained) => this.#message(topic, payload, retained),
    };
  }

  /** What a live view shows of it, as it is now. */
  get live() {
    const { devices: presences, connectedMs } = this.#driver;
    const connected = connectedMs !== null;
    return { connected, coordinating: true, status: this.#announcer.said, presences };
  }

  /** Why its run waits for its disk; '' where it does not. */
  get trouble(): string {
    return this.#driver.trouble;
  }

  /** To be given to its connection. */
  get will() {
    return this.#announcer.will;
  }

  /** What time brings: due runs, deadlines, tasks to tell again. */
  tick(): Promise<void> {
    this.#ticking ??= this.#then(async () => {
      await this.#alive.mark(this.#parts.clock());
      await this.#starter.due();
    }).finally(() => {
      this.#ticking = undefined;
    });
    return this.#ticking;
  }

  /** Leaves an open run as it is on disk: the next start goes on with it. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#turn;
    await this.#announcer.goodbye();
    await this.#driver.close();
    await this.#starter.close();
  }

  async #resume(): Promise<void> {
    const { clock, uptime, calendar, log, sink } = this.#parts;
    const found = await findRuns(this.#options.runs, this.#options.fleet);
    const inTurn = (work: () => Promise<void>) => this.#inTurn(work);
    const own = { publisher: this.#publisher, announcer: this.#announcer, inTurn };
    const parts = { ...own, sink, log, clock, uptime };
    this.#driver = new RunDriver(this.#options, parts, found.latest);
    if (found.latest) this.#announcer.result(found.latest);
    if (found.open) {
      const { store, entries, wholeBytes, torn } = found.open;
      if (torn) log.warn('the journal’s last line was cut and is left out', { path: store.journal });
      const run = await OpenRun.resume(store, entries, wholeBytes);
      const lastMs = Math.max((await this.#alive.seenMs()) ?? 0, entries.at(-1)!.atMs);
      if (run.state.step.phase !== 'ended')
        await run.take({ kind: 'resumed', atMs: clock(), downtimeMs: Math.max(0, clock() - lastMs) });
      this.#driver.adopt(run);
    }
    const path = join(this.#options.runs, 'schedule.jsonl');
    const schedule = calendar && (await Schedule.open(path, calendar, clock()));
    const starting = { ...this.#parts, announcer: this.#announcer, driver: this.#driver, schedule };
    this.#starter = new RunStarter(this.#options, starting, found.runsById);
  }

  async #connected(client: FleetClient): Promise<void> {
    const { allPresence, allUpdates, allTelemetry, allManifests } = this.#topics;
    const { roundsStart, roundsStop, roundsCoordinator } = this.#topics;
    // Whoever was there may be gone: the devices, or the broker for them, say so again.
    this.#driver.devices = new Map();
    this.#spoke.clear();
    const heard = [roundsStart, roundsStop, roundsCoordinator, allManifests];
    await client.subscribe([allPresence, allUpdates, allTelemetry, ...heard]);
    // Only now are answers heard, so only now is anything said.
    this.#driver.connectedMs = this.#parts.uptime();
    this.#announcer.connected(client);
    this.#publisher.connected(client);
    this.#parts.log.info('connected');
    await this.#then(() => undefined);
  }

  #disconnected(reason: string): void {
    this.#driver.connectedMs = null;
    this.#announcer.disconnected();
    this.#publisher.disconnected();
    this.#parts.log.warn('broker away', { reason });
  }

  /** Bytes become types here. What is malformed is told in the log and changes nothing. */
  async #message(topic: string, payload: Uint8Array, retained: boolean): Promise<void> {
    const match = matchTopic(topic);
    this.#parts.log.debug('message', { topic, bytes: payload.length, retained });
    try {
      switch (match?.kind) {
        case 'presence':
          if (payload.length === 0) return await this.#then(() => this.#forget(match.device));
          return await this.#presence(match.device, decode('Presence', payload, topic), retained);
        case 'update':
          return await this.#chunk(match.device, match.round, decode('Chunk', payload, topic));
        case 'telemetry':
          return this.#telemetry(match.device, decode('TelemetryBatch', payload, topic));
        case 'manifest':
          if (payload.length > 0) this.#publisher.seen(decode('Manifest', payload, topic));
          return;
        case 'roundsStart':
          return await this.#then(() => this.#starter.trigger(payload, topic, retained));
        case 'roundsCoordinator':
          return this.#announcer.heard(payload, retained);
        case 'roundsStop':
          return await this.#then(() => this.#starter.stop(retained));
        default:
          return;
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#quiet.warn('message not understood', { topic, reason: told(error) });
    }
  }

  #presence(device: string, presence: Presence, retained: boolean): Promise<void> {
    if (presence.deviceId !== device) throw new Refusal(`it is of device ${presence.deviceId}`);
    return this.#then(() => {
      if (retained && this.#spoke.has(device)) return;
      const before = this.#driver.devices;
      this.#driver.devices = announced(before, presence, this.#options.maxDevices);
      if (this.#driver.devices === before) return;
      if (!retained) this.#spoke.add(device);
      if (presence.online) this.#driver.introduced(presence);
      else {
        if (presence.stopped) this.#driver.left(device);
        this.#died(presence);
      }
    });
  }

  /** The version is its own word: by `take` it makes no series without end. What finds no room is no loss. */
  #died(presence: Presence): void {
    const { fleet } = this.#options;
    const point = deathPoint(presence, fleet, this.#parts.clock());
    this.#parts.sink.take([point], { fleet, device: presence.deviceId }).catch(() => undefined);
  }

  #forget(device: string): void {
    this.#driver.devices = removed(this.#driver.devices, device);
  }

  async #chunk(device: string, round: number, chunk: Chunk): Promise<void> {
    const { key } = chunk;
    if (key?.round !== round) throw new Refusal('its key is not that of its topic');
    const receive = async () => {
      try {
        this.#announcer.receipt(device, await this.#driver.receive(device, key, chunk));
        this.#driver.chunkTrouble = '';
      } catch (error) {
        if (!isDiskTrouble(error)) throw error;
        const reason = told(error);
        if (reason !== this.#driver.chunkTrouble)
          this.#parts.log.error('chunk not written', { device, reason }); // It comes again.
        this.#driver.chunkTrouble = reason;
      }
    };
    const isTaken = await this.#chunks.put(device, chunk.data.length, () => this.#then(receive));
    if (!isTaken) this.#quiet.warn('chunk let go: too many of its device wait', { device });
  }

  /** Beside the turns: nothing waits for it, and the device keeps its points until it has the receipt. */
  #telemetry(device: string, { points, batch }: TelemetryBatch): void {
    const { sink, log } = this.#parts;
    const answer = (reason: string) => {
      if (batch > 0) this.#announcer.telemetryReceipt(device, { batch, reason });
    };
    sink.take(points, { fleet: this.#options.fleet, device }).then(
      () => answer(''),
      (error) => {
        if (!(error instanceof Refusal || isDiskTrouble(error)))
          log.error('points not taken', { reason: told(error) });
        answer(told(error));
      },
    );
  }

  /** In turn, and then everything that follows from it. */
  #then(work: () => void | Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      await work();
      await this.#driver.settle();
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(() => (this.#stopped ? undefined : work()));
    this.#turn = done.catch(() => undefined); // Whoever asked hears of it; the next has its turn.
    return done;
  }
}
