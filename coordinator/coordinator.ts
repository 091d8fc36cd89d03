import { join } from 'node:path';
import type { ClientHandlers, FleetClient } from '../broker/client.js';
import { type Log, told } from '../runtime/log.js';
import { decode, encode } from '../schemas/codec.js';
import type { Chunk, Point, Presence } from '../schemas/messages.js';
import { Refusal } from '../schemas/refusal.js';
import type { RunSettings } from '../schemas/run-settings.js';
import { matchTopic, type Topics, topicsOf } from '../schemas/topics.js';
import { Alive } from './alive.js';
import { Announcer } from './announcer.js';
import { isDiskTrouble } from './disk-trouble.js';
import { OpenRun } from './open-run.js';
import { announced, removed } from './presence.js';
import { Publisher } from './publish.js';
import type { RunTrigger } from './run.js';
import { type DriverOptions, RunDriver } from './run-driver.js';
import { RunStore } from './run-store.js';
import { findRuns, runName } from './runs.js';
import { type Calendar, type Due, Schedule } from './schedule.js';
import { probeTask } from './tasks.js';
import { answerTrigger } from './triggers.js';

export interface CoordinatorOptions extends DriverOptions {
  chunkBytes: number;
  maxDevices: number;
  /** Raw values of a run's settings where a trigger says nothing. */
  defaults: Record<string, unknown>;
}

export interface CoordinatorParts {
  sink: { write(points: readonly Point[]): void };
  log: Log;
  calendar: Calendar | null;
  clock: () => number;
  random: () => number;
}

/**
 * The coordinator between broker and disk. Messages, ticks and results of work take their turn one after the other;
 * after each the run is driven as far as it goes.
 */
export class Coordinator {
  readonly #options: CoordinatorOptions;
  readonly #parts: CoordinatorParts;
  readonly #topics: Topics;
  readonly #announcer: Announcer;
  readonly #publisher: Publisher;
  readonly #alive: Alive;
  #driver!: RunDriver;
  #schedule: Schedule | null = null;
  #knownIds = new Set<string>();
  #turn: Promise<void> = Promise.resolve();
  #ticking: Promise<void> | undefined;
  #stopped = false;

  private constructor(options: CoordinatorOptions, parts: CoordinatorParts) {
    this.#options = options;
    this.#parts = parts;
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

  /** Reads the runs folder and takes up the run that is open there. @throws Refusal where a journal is damaged */
  static async open(options: CoordinatorOptions, parts: CoordinatorParts): Promise<Coordinator> {
    const coordinator = new Coordinator(options, parts);
    await coordinator.#resume();
    return coordinator;
  }

  get handlers(): ClientHandlers {
    return {
      connected: (client) => this.#connected(client),
      disconnected: (reason) => this.#disconnected(reason),
      message: (topic, payload, retained) => this.#message(topic, payload, retained),
    };
  }

  /** What time brings: due runs, deadlines, tasks to tell again. */
  tick(): Promise<void> {
    this.#ticking ??= this.#then(async () => {
      await this.#alive.mark(this.#parts.clock());
      await this.#runDue();
    }).finally(() => {
      this.#ticking = undefined;
    });
    return this.#ticking;
  }

  /** Leaves an open run as it is on disk: the next start goes on with it. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#turn;
    await this.#driver.close();
    await this.#schedule?.close();
  }

  async #resume(): Promise<void> {
    const { clock, calendar, log, sink } = this.#parts;
    const found = await findRuns(this.#options.runs);
    this.#knownIds = found.triggerIds;
    const inTurn = (work: () => Promise<void>) => this.#inTurn(work);
    const parts = { publisher: this.#publisher, announcer: this.#announcer, sink, log, clock, inTurn };
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
    if (calendar)
      this.#schedule = await Schedule.open(join(this.#options.runs, 'schedule.jsonl'), calendar, clock());
  }

  async #connected(client: FleetClient): Promise<void> {
    const { allPresence, allUpdates, allTelemetry, allManifests, roundsStart, roundsStop } = this.#topics;
    // Whoever was there may be gone: the devices, or the broker for them, say so again.
    this.#driver.devices = new Map();
    await client.subscribe([allPresence, allUpdates, allTelemetry, allManifests, roundsStart, roundsStop]);
    // Only now are answers heard, so only now is anything said.
    this.#driver.connectedMs = this.#parts.clock();
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
    try {
      switch (match?.kind) {
        case 'presence':
          if (payload.length === 0) return await this.#then(() => this.#forget(match.device));
          return await this.#presence(match.device, decode('Presence', payload, topic));
        case 'update':
          return await this.#chunk(match.device, match.round, decode('Chunk', payload, topic));
        case 'telemetry':
          return this.#telemetry(match.device, decode('TelemetryBatch', payload, topic).points);
        case 'manifest':
          if (payload.length > 0) this.#publisher.seen(decode('Manifest', payload, topic));
          return;
        case 'roundsStart':
          return await this.#then(() => this.#trigger(payload, topic, retained));
        case 'roundsStop':
          return await this.#then(() => this.#stopRun(retained));
        default:
          return;
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#parts.log.warn('message not understood', { topic, reason: told(error) });
    }
  }

  #presence(device: string, presence: Presence): Promise<void> {
    if (presence.deviceId !== device) throw new Refusal(`it is of device ${presence.deviceId}`);
    return this.#then(() => {
      const before = this.#driver.devices;
      this.#driver.devices = announced(before, presence, this.#options.maxDevices);
      if (this.#driver.devices !== before && presence.online) this.#driver.introduced(device);
    });
  }

  #forget(device: string): void {
    this.#driver.devices = removed(this.#driver.devices, device);
  }

  #chunk(device: string, round: number, chunk: Chunk): Promise<void> {
    if (chunk.key?.round !== round) throw new Refusal('its key is not that of its topic');
    return this.#then(async () => {
      try {
        this.#announcer.receipt(device, await this.#driver.receive(device, round, chunk));
      } catch (error) {
        if (!isDiskTrouble(error)) throw error;
        this.#parts.log.error('chunk not written', { device, reason: told(error) }); // It comes again.
      }
    });
  }

  #telemetry(device: string, points: readonly Point[]): void {
    const { fleet } = this.#options;
    this.#parts.sink.write(points.map((point) => ({ ...point, tags: { ...point.tags, fleet, device } })));
  }

  async #trigger(payload: Uint8Array, topic: string, retained: boolean): Promise<void> {
    const open = this.#openRound();
    const answer = answerTrigger(payload, topic, retained, {
      defaults: this.#options.defaults,
      knownIds: this.#knownIds,
      open,
    });
    if (answer.do === 'repeat') this.#driver.announce();
    if (answer.do === 'refuse') this.#refuse(answer.id, answer.reason);
    if (answer.do !== 'start') return;
    const { id, settings } = answer;
    await this.#orRefuse(id || null, () =>
      this.#start({ id, source: 'mqtt', dueAt: null, late: false }, settings),
    );
  }

  async #stopRun(retained: boolean): Promise<void> {
    if (retained) this.#refuse(null, 'a retained stop would end every run: publish it without retain');
    else if (this.#driver.run) await this.#orRefuse(null, () => this.#driver.stop('stopped by an operator'));
    else this.#refuse(null, 'no run is on');
  }

  async #orRefuse(id: string | null, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Refusal) && !isDiskTrouble(error)) throw error;
      this.#refuse(id, told(error));
    }
  }

  async #start(trigger: RunTrigger, settings: RunSettings): Promise<void> {
    const { clock, random } = this.#parts;
    const run = runName(clock(), random);
    const started = { kind: 'started', atMs: clock(), run, trigger, settings } as const;
    encode('Task', probeTask(started)); // Settings that no task can carry are refused now.
    const store = new RunStore(join(this.#options.runs, run));
    this.#driver.adopt(await OpenRun.start(store, started));
    if (trigger.id !== '') this.#knownIds.add(trigger.id);
  }

  /** Starts the run that the schedule wants now. Its id is its due time, so a crash in between starts no second. */
  async #runDue(): Promise<void> {
    const { clock, log } = this.#parts;
    const due = this.#schedule?.due(clock());
    if (!due) return;
    try {
      const outcome = await this.#handleDue(due);
      const dueAt = new Date(due.dueMs).toISOString();
      await this.#schedule?.handled(due, outcome.kind, outcome.reason, clock());
      log.info('scheduled run', { dueAt, outcome: outcome.kind, reason: outcome.reason });
    } catch (error) {
      if (!isDiskTrouble(error)) throw error;
      log.error('the schedule waits for its disk', { reason: told(error) });
    }
  }

  async #handleDue(due: Due): Promise<{ kind: 'started' | 'late' | 'skipped'; reason: string }> {
    const dueAt = new Date(due.dueMs).toISOString();
    const id = `schedule-${dueAt}`;
    const kind = due.late ? 'late' : 'started';
    if (this.#knownIds.has(id)) return { kind, reason: 'it was started before a restart' };
    const open = this.#openRound();
    if (open) return { kind: 'skipped', reason: `run ${open.run} was on` };
    const answer = answerTrigger(new Uint8Array(), 'schedule', false, {
      defaults: this.#options.defaults,
      knownIds: this.#knownIds,
      open,
    });
    if (answer.do !== 'start') return { kind: 'skipped', reason: 'reason' in answer ? answer.reason : '' };
    await this.#start({ id, source: 'schedule', dueAt, late: due.late }, answer.settings);
    return { kind, reason: '' };
  }

  #openRound() {
    const state = this.#driver.run?.state;
    if (!state) return null;
    const round = state.step.phase === 'ended' ? state.settings.rounds : state.step.stage.round;
    return { run: state.run, round: Math.min(round, state.settings.rounds), rounds: state.settings.rounds };
  }

  #refuse(id: string | null, reason: string): void {
    this.#announcer.refused({ id, reason, at: new Date(this.#parts.clock()).toISOString() });
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
