import {
  type ClientHandlers,
  ConnectionLost,
  connectClient,
  type FleetClient,
  type Reach,
  reachOf,
} from '../broker/client.js';
import { within } from '../runtime/limit.js';
import { told } from '../runtime/log.js';
import { decode, encode } from '../schemas/codec.js';
import type { Point, Receipt, Task } from '../schemas/messages.js';
import { Refusal } from '../schemas/refusal.js';
import { matchTopic, topicsOf } from '../schemas/topics.js';
import type { AdapterPiece } from './download.js';
import { type Duties, doTask, handIn } from './duty.js';
import type { Condition } from './heartbeat.js';
import type { Finished } from './journal.js';
import { Link } from './link.js';
import { Mailbox } from './mailbox.js';
import { PointPost } from './point-post.js';
import { type Identity, Standing } from './standing.js';
import { type DeviceState, stepFor } from './task-state.js';

export interface AgentSettings extends Reach, Omit<Identity, 'deviceId' | 'session'> {
  connectS: number;
  maxPacketBytes: number;
  fleet: string;
  id: string;
  /** How often a device that can take no task looks whether it can again. */
  recheckMs: number;
}

/** What an agent is given; the rest of its duties it brings along. */
export type AgentParts = Omit<Duties, 'deviceId' | 'topics' | 'link' | 'pieces' | 'receipts'> & {
  /** Points of telemetry lost since the start. */
  droppedPoints?: () => number;
};

export interface Agent {
  /** Sends points to the coordinator. Resolves when they are on its disk; rejects where that takes too long. */
  publishPoints(points: Point[]): Promise<void>;
  /** How it stands now. */
  readonly condition: Condition;
  /** Whether its broker has it. */
  readonly connected: boolean;
  /** Connects anew, with the certificate that is there now; the task goes on. */
  reconnect(): Promise<void>;
  /**
   * Takes no task any more: an update on its way has a moment to arrive, a task that is not done is handed back.
   * Points can still be sent.
   */
  leave(): Promise<void>;
  /** Leaves, says that it is gone, and connects no more. */
  stop(): Promise<void>;
}

const maxWaiting = 64;
const pointsLimitMs = 10_000;
const leaveLimitMs = 2_500;
const goodbyeLimitMs = 1_000;

/**
 * Connects a device to its fleet: announces it, and does one task at a time, each once, until the
 * coordinator's receipt. Resolves when the device was announced for the first time.
 * @throws Refusal where the model or the data can't be used, or no broker answers
 */
export async function startAgent(settings: AgentSettings, parts: AgentParts): Promise<Agent> {
  const { id: deviceId, version, powerSource, fleet } = settings;
  const session = await parts.journal.nextSession(Date.now());
  const identity = { deviceId, session, version, powerSource };
  const take = () => parts.journal.requireRoom().then(() => parts.inventory.take());
  const standing = await Standing.of(identity, { take }, parts.droppedPoints);
  const duties: Duties = {
    ...parts,
    deviceId,
    topics: topicsOf(fleet),
    link: new Link(),
    pieces: new Mailbox<AdapterPiece>(maxWaiting),
    receipts: new Mailbox<Receipt>(maxWaiting),
  };
  const agent = new DeviceAgent(standing, duties, new PointPost(fleet, deviceId, pointsLimitMs));
  await agent.start(settings);
  return agent;
}

class DeviceAgent implements Agent {
  readonly #standing: Standing;
  readonly #duties: Duties;
  readonly #post: PointPost;
  #state: DeviceState = { phase: 'idle' };
  /** What is done now, or was done last. */
  #activity = { abort: new AbortController(), done: Promise.resolve() };
  #client: FleetClient | undefined;
  #rechecks: NodeJS.Timeout | undefined;
  #announcedDrops: number | undefined;
  #stopping = false;
  /** It was told to stop, and does not go on with its task. */
  #givesBack = false;

  constructor(standing: Standing, duties: Duties, post: PointPost) {
    this.#standing = standing;
    this.#duties = duties;
    this.#post = post;
  }

  async start(settings: AgentSettings): Promise<void> {
    const { id: clientId, connectS, maxPacketBytes, recheckMs } = settings;
    const reach = reachOf(settings, { role: 'device', id: clientId });
    const will = {
      topic: this.#duties.topics.presence(clientId),
      payload: encode('Presence', this.#standing.presence(false)),
      retain: true,
    };
    await new Promise<void>((resolve, reject) => {
      const handlers: ClientHandlers = {
        connected: async (client) => {
          await this.#connected(client);
          resolve();
        },
        disconnected: (reason) => {
          this.#duties.log.warn('connection lost', { reason });
          this.#duties.link.down(reason);
          this.#post.lost(reason);
        },
        refused: (reason) => this.#duties.log.warn('broker not reached', { reason }),
        message: (topic, payload) => this.#message(topic, payload),
      };
      connectClient({ ...reach, clientId, will, connectS, maxPacketBytes }, handlers).catch(reject);
    });
    this.#rechecks = setInterval(() => {
      if (this.#standing.problem !== '') void this.#refresh();
      else if (this.#standing.presence(true).droppedPoints !== this.#announcedDrops)
        void this.#announce(true);
    }, recheckMs);
  }

  async publishPoints(points: Point[]): Promise<void> {
    if (!this.#client) throw new ConnectionLost('not connected to the broker yet');
    await this.#post.send(this.#client, points);
  }

  get connected(): boolean {
    return this.#client?.connected ?? false;
  }

  readonly reconnect = async () => this.#client?.reconnect();

  get condition(): Condition {
    const { version, trainExamples, problem } = this.#standing.presence(true);
    const { finished } = this.#duties.journal;
    return {
      version,
      trainExamples,
      ready: problem === '',
      problem,
      busy: this.#state.phase === 'working',
      waitingUpdates: finished && !finished.settled ? 1 : 0,
    };
  }

  async leave(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    clearInterval(this.#rechecks);
    const { abort, done } = this.#activity;
    const { finished } = this.#duties.journal;
    const state = this.#state;
    // An update on disk is offered again at the next start; anything else is given back.
    this.#givesBack = state.phase === 'working' || !finished || finished.settled;
    await within(goodbyeLimitMs, this.#announce(false)); // First: a task that came now would wait for its deadline.
    if (state.phase === 'working') this.#duties.log.info('task handed back', { ...state.task.key });
    if (this.#client?.connected && state.phase === 'offering') await within(leaveLimitMs, done);
    abort.abort(new Error('the device stops'));
    await done;
    await this.#duties.trainer.stop();
  }

  async stop(): Promise<void> {
    await this.leave();
    this.#post.lost('the device stops');
    await this.#client?.stop();
  }

  async #connected(client: FleetClient): Promise<void> {
    const { deviceId, topics, link, journal } = this.#duties;
    this.#client = client;
    const own = [topics.task(deviceId), topics.receipt(deviceId), topics.telemetryReceipt(deviceId)];
    await client.subscribe(own);
    await this.#announce(true);
    link.up(client);
    const { finished } = journal;
    if (this.#state.phase === 'idle' && finished && !finished.settled) this.#offer(finished);
  }

  async #announce(online: boolean): Promise<void> {
    const { deviceId, topics } = this.#duties;
    const presence = this.#standing.presence(online && !this.#stopping, this.#givesBack);
    try {
      await this.#client?.publish(topics.presence(deviceId), encode('Presence', presence), { retain: true });
      this.#announcedDrops = presence.droppedPoints;
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error; // The next connection announces.
    }
  }

  async #refresh(): Promise<void> {
    if (await this.#standing.refresh()) await this.#announce(true);
  }

  /** Quick: what takes time happens beside it, or receipts and chunks would wait behind. */
  #message(topic: string, payload: Uint8Array): void {
    const { pieces, receipts, log } = this.#duties;
    const payloadBytes = payload.length;
    log.debug('message', { topic, bytes: payloadBytes });
    try {
      switch (matchTopic(topic)?.kind) {
        case 'task':
          this.#told(decode('Task', payload, topic));
          break;
        case 'receipt':
          receipts.put(decode('Receipt', payload, topic));
          break;
        case 'telemetryReceipt':
          this.#post.receipt(decode('TelemetryReceipt', payload, topic));
          break;
        case 'manifest':
          pieces.put({ kind: 'manifest', manifest: decode('Manifest', payload, topic), payloadBytes });
          break;
        case 'adapterChunk':
          pieces.put({ kind: 'chunk', chunk: decode('Chunk', payload, topic), payloadBytes });
          break;
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      log.warn('message refused', { reason: error.message });
    }
  }

  #told(task: Task): void {
    const { finished } = this.#duties.journal;
    switch (stepFor(this.#state, finished, task)) {
      case 'ignore':
        break;
      case 'work':
        this.#begin({ phase: 'working', task }, (signal) => this.#work(task, signal));
        break;
      case 'offer':
        this.#offer(finished as Finished);
        break;
      case 'stop':
        this.#duties.log.info('task cancelled', { ...task.key });
        this.#begin({ phase: 'idle' }, () => this.#duties.journal.settle());
    }
  }

  async #work(task: Task, signal: AbortSignal): Promise<void> {
    const { peak } = this.#duties;
    peak.busy();
    try {
      const finished = await doTask(task, this.#duties, signal);
      await this.#refresh(); // What made a task fail may be what the fleet must know.
      signal.throwIfAborted();
      this.#state = { phase: 'offering', finished };
      await handIn(finished, this.#duties, signal);
    } finally {
      peak.rest(); // Also after one that was cancelled.
    }
  }

  #offer(finished: Finished): void {
    this.#begin({ phase: 'offering', finished }, (signal) => handIn(finished, this.#duties, signal));
  }

  /** Ends what is done now, and when it has ended does the next. */
  #begin(state: DeviceState, act: (signal: AbortSignal) => Promise<void>): void {
    if (this.#stopping) return;
    const before = this.#activity;
    before.abort.abort(new Error('another task came'));
    const abort = new AbortController();
    const { signal } = abort;
    this.#state = state;
    const done = before.done.then(async () => {
      try {
        signal.throwIfAborted();
        await act(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#duties.log.error('task given up', { reason: told(error) });
        // As a full disk: until it is looked at again, no task can be done.
        this.#standing.trouble(told(error));
        await this.#announce(true);
      }
      if (!signal.aborted) this.#state = { phase: 'idle' };
    });
    this.#activity = { abort, done };
  }
}
