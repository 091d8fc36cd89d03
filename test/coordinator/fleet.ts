import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { connectClient, type FleetClient } from '../../broker/client.js';
import { limitSettings } from '../../broker/limits.js';
import { type Broker, startBroker } from '../../broker/server.js';
import { Coordinator } from '../../coordinator/coordinator.js';
import type { Calendar } from '../../coordinator/schedule.js';
import type { Log } from '../../runtime/log.js';
import { encode } from '../../schemas/codec.js';
import type { Point } from '../../schemas/messages.js';
import { Refusal } from '../../schemas/refusal.js';
import { checkSettings } from '../../schemas/settings.js';
import type { FleetStatus, Refused, RunSummary } from '../../schemas/status.js';
import { topicsOf } from '../../schemas/topics.js';
import { fleet, type Script, type ScriptedDevice, startDevice } from './scripted-device.js';

const topics = topicsOf(fleet);
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };

export const brokerOptions = {
  ...checkSettings(limitSettings, {}).settings,
  ...{ host: '127.0.0.1', port: 0, wsPort: -1, origins: [] },
};

export interface CoordinatorSetup {
  defaults?: Record<string, unknown>;
  calendar?: Calendar | null;
  clock?: () => number;
  /** As `clock` unless told otherwise. */
  uptime?: () => number;
  fleet?: string;
  resendMs?: number;
  settleMs?: number;
  maxUpdateBytes?: number;
  /** Why no telemetry is taken. */
  noRoom?: string;
}

/** A broker, a runs folder, devices and an operator that listens; everything ends with the test. */
export class Fleet {
  readonly folder: string;
  readonly points: Point[] = [];
  /** What the coordinator logged as an error, with its reason. */
  readonly problems: string[] = [];
  /** Of the points: those that came by the guard of series. */
  guarded = 0;
  /** What it warned of. */
  readonly warnings: string[] = [];
  readonly refused: Refused[] = [];
  readonly results: RunSummary[] = [];
  status: FleetStatus | undefined;
  /** Whether a coordinator is there, each time that this changed. */
  readonly coordinating: boolean[] = [];
  broker: Broker;
  operator!: FleetClient;
  /** Topics of all retained and live messages that the operator saw, and how long they were. */
  readonly seen = new Map<string, number>();
  readonly #cleanUp: (() => Promise<unknown>)[] = [];

  private constructor(folder: string, broker: Broker) {
    this.folder = folder;
    this.broker = broker;
  }

  static async start(t: TestContext): Promise<Fleet> {
    const folder = await mkdtemp(join(tmpdir(), 'fleetune-coordinator-'));
    const made = new Fleet(folder, await startBroker(brokerOptions, quiet));
    t.after(() => made.#stop());
    made.operator = await connectClient(
      { url: made.url, clientId: 'operator-1', username: 'operator', connectS: 10, maxPacketBytes: 2 ** 20 },
      {
        connected: (client) => client.subscribe([topics.everything]),
        message: (topic, payload) => made.#see(topic, payload),
      },
    );
    return made;
  }

  /** Before the folder goes, and after all that was started later has ended. */
  atEnd(work: () => void | Promise<void>): void {
    this.#cleanUp.push(async () => work());
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.broker.port}`;
  }

  async device(script: Script): Promise<ScriptedDevice> {
    const device = await startDevice(this.url, script);
    this.#cleanUp.push(() => device.stop());
    return device;
  }

  /** A coordinator in this process. @returns what ends it as a crash would: no goodbye, no last write */
  async coordinator(
    setup: CoordinatorSetup = {},
  ): Promise<{ coordinator: Coordinator; stop: () => Promise<void> }> {
    const { defaults = {}, calendar = null, clock = Date.now, resendMs = 15_000 } = setup;
    const coordinator = await Coordinator.open(
      {
        runs: this.folder,
        fleet: setup.fleet ?? fleet,
        chunkBytes: 64,
        limits: { maxUpdateBytes: setup.maxUpdateBytes ?? 2 ** 20, maxChunks: 1000 },
        maxDevices: 100,
        keepVersions: 3,
        resendMs,
        settleMs: setup.settleMs ?? 0,
        defaults: { rounds: 2, ...defaults },
      },
      {
        sink: {
          write: (points) => this.points.push(...points),
          take: async (points, tags) => {
            if (setup.noRoom) throw new Refusal(setup.noRoom);
            this.guarded += points.length;
            this.points.push(...points.map((point) => ({ ...point, tags: { ...point.tags, ...tags } })));
          },
        },
        log: {
          ...quiet,
          warn: (message) => void this.warnings.push(message),
          error: (message, facts) => void this.problems.push(`${message}: ${facts?.reason}`),
        },
        calendar,
        clock,
        uptime: setup.uptime ?? clock,
        random: Math.random,
      },
    );
    const client = await connectClient(
      {
        url: this.url,
        clientId: `coordinator-${this.#cleanUp.length}`,
        username: 'coordinator',
        connectS: 10,
        maxPacketBytes: 2 ** 20,
      },
      coordinator.handlers,
    );
    const ticks = setInterval(() => void coordinator.tick(), 20);
    let stopping: Promise<void> | undefined;
    const stop = () => {
      stopping ??= (async () => {
        clearInterval(ticks);
        await client.stop();
        await coordinator.stop();
      })();
      return stopping;
    };
    this.#cleanUp.push(stop);
    return { coordinator, stop };
  }

  /** The broker dies with all it kept and comes back on its port. */
  async restartBroker(): Promise<void> {
    const { port } = this.broker;
    await this.broker.stop();
    this.broker = await startBroker({ ...brokerOptions, port }, quiet);
  }

  trigger(payload: object | string | Uint8Array = '', retain = false): Promise<void> {
    const bytes =
      payload instanceof Uint8Array || typeof payload === 'string' ? payload : JSON.stringify(payload);
    return this.operator.publish(topics.roundsStart, bytes, { retain });
  }

  stopRun(): Promise<void> {
    return this.operator.publish(topics.roundsStop, '');
  }

  /** The summary of the n-th run that ended (1 is the first). */
  async result(n = 1): Promise<RunSummary> {
    await until(() => this.results.length >= n, `result ${n}`);
    return this.results[n - 1]!;
  }

  async journal(run: string): Promise<{ kind: string; [key: string]: unknown }[]> {
    const text = await readFile(join(this.folder, run, 'journal.jsonl'), 'utf8');
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  }

  async runs(): Promise<string[]> {
    const entries = await readdir(this.folder, { withFileTypes: true });
    return entries.filter((e) => e.isDirectory()).map((e) => e.name);
  }

  #see(topic: string, payload: Uint8Array): void {
    this.seen.set(topic, payload.length);
    const json = () => JSON.parse(Buffer.from(payload).toString());
    if (topic === topics.roundsRefused) this.refused.push(json());
    if (topic === topics.roundsCoordinator && json().online !== this.coordinating.at(-1))
      this.coordinating.push(json().online);
    if (topic === topics.roundsStatus) this.status = json();
    if (topic === topics.roundsResult && this.results.at(-1)?.run !== json().run) this.results.push(json());
  }

  async #stop(): Promise<void> {
    await this.operator.stop();
    for (const end of this.#cleanUp.reverse()) await end();
    await this.broker.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Resolves when the condition holds; asks every 5 ms, for 20 s at most. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const limit = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > limit) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const protobufTrigger = (id: string, settings: Record<string, string>) =>
  encode('Trigger', { id, settings });
