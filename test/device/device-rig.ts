import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { AdapterCache } from '../../device/adapter-cache.js';
import { type Agent, startAgent } from '../../device/agent.js';
import { noMeasures } from '../../device/computation.js';
import type { TransferLimits } from '../../device/duty.js';
import type { Measure } from '../../device/energy.js';
import { createInventory } from '../../device/inventory.js';
import { Journal } from '../../device/journal.js';
import { modelIdentity } from '../../device/model-identity.js';
import { readExamples } from '../../device/shards.js';
import type { Trainer } from '../../device/trainer.js';
import type { Example, ShardFile } from '../../device/trainer-messages.js';
import { createLog } from '../../runtime/log.js';
import type { Point, Task } from '../../schemas/messages.js';
import { encodeSafetensors, type NamedTensors } from '../../schemas/tensors.js';
import { Events } from '../broker/rig.js';
import { tensorsOf } from './fixtures.js';

export interface Job {
  task: Task;
  adapter: NamedTensors | undefined;
  /** What the trainer would read. */
  examples: Example[];
}

/**
 * A trainer without an engine: adds 1 to every number. While `held`, a job ends only by stop or by release.
 */
export class FakeTrainer implements Trainer {
  readonly jobs = new Events<Job>();
  readonly pid = undefined;
  readonly peakRssBytes = undefined;
  held = false;
  stops = 0;
  #end: { release(): void; stop(): void } | undefined;

  init = (task: Task) => this.#job(task, undefined, undefined, () => tensorsOf(4));

  train: Trainer['train'] = (task, adapter, shard, progress) =>
    this.#job(task, adapter, shard, (examples) => {
      progress({ step: 1, steps: 1, loss: 2, ms: 500, tokensPerSecond: 10, flops: 1e9 });
      const delta: NamedTensors = new Map(
        [...adapter].map(([name, { shape, data }]) => [name, { shape, data: data.map(() => 1) }]),
      );
      return { delta, measures: { ...noMeasures, examples: examples.length, steps: 1, loss: 2 } };
    });

  evaluate: Trainer['evaluate'] = (task, adapter, shard) =>
    this.#job(task, adapter, shard, ({ length }) => ({
      ...noMeasures,
      examples: length,
      loss: 1,
      rougeL: 50,
    }));

  async stop(): Promise<void> {
    this.stops++;
    this.#end?.stop();
  }

  release(): void {
    this.held = false;
    this.#end?.release();
  }

  async #job<T>(
    task: Task,
    adapter: NamedTensors | undefined,
    shard: ShardFile | undefined,
    result: (examples: Example[]) => T,
  ): Promise<T> {
    const rows = shard ? (await readExamples(shard.path, shard)).examples : [];
    const examples = rows.map(({ source, target }) => ({ source, target }));
    const ended = new Promise<void>((resolve, reject) => {
      this.#end = { release: resolve, stop: () => reject(new Error('the trainer was stopped')) };
      if (!this.held) resolve();
    });
    this.jobs.add({ task, adapter, examples });
    await ended;
    return result(examples);
  }
}

const root = mkdtempSync(join(tmpdir(), 'fleetune-device-'));
after(() => rmSync(root, { recursive: true }));

/** Folders of a device: a model, text and state. Removed after the last test, when nothing writes there any more. */
export function deviceFolder() {
  const folder = mkdtempSync(join(root, 'device-'));
  const [model, state] = [join(folder, 'model'), join(folder, 'state')];
  const [data, evaluation] = [join(folder, 'train.jsonl'), join(folder, 'held-out.jsonl')];
  mkdirSync(model);
  writeFileSync(join(model, 'config.json'), '{}');
  writeFileSync(join(model, 'model.safetensors'), encodeSafetensors(tensorsOf(10)));
  writeFileSync(join(model, 'tokenizer.json'), '{}');
  const lines = (count: number) =>
    Array.from(
      { length: count },
      (_, i) => `${JSON.stringify({ dialogue: `d${i}`, summary: `s${i}` })}\n`,
    ).join('');
  writeFileSync(data, lines(5));
  writeFileSync(evaluation, lines(3));
  return { folder, model, state, data, evaluation };
}

export type DeviceFolder = ReturnType<typeof deviceFolder>;

export interface TestDevice {
  agent: Agent;
  trainer: FakeTrainer;
  logged: Events<Record<string, unknown>>;
  points: Events<Point>;
  /** What the measuring of its peak was told. */
  peak: Events<'busy' | 'rest'>;
  modelSha256: string;
}

export interface DeviceChanges {
  id?: string;
  trainer?: FakeTrainer;
  limits?: Partial<TransferLimits>;
  evaluation?: string;
  recheckMs?: number;
  droppedPoints?: () => number;
  measure?: Measure;
  /** The bundle's folder, of a broker that speaks TLS. */
  tls?: string;
}

/** What the power sensor of every test device told of every task. */
const spent = { joules: 12.5, watts: 5, idleWatts: 2, source: 'ina3221' };

/** An agent with real folders and a real broker; its trainer alone is fake. Stopped after the test. */
export async function startDevice(
  t: TestContext,
  url: string,
  at: DeviceFolder,
  changes: DeviceChanges = {},
): Promise<TestDevice> {
  const { trainer = new FakeTrainer(), evaluation = at.evaluation, id = 'd1', recheckMs = 60_000 } = changes;
  const logged = new Events<Record<string, unknown>>();
  const points = new Events<Point>();
  const peak = new Events<'busy' | 'rest'>();
  const journal = await Journal.open(at.state);
  const cacheFile = join(at.state, 'model.json');
  const { model, data } = at;
  const agent = await startAgent(
    {
      broker: url,
      tls: changes.tls ?? '',
      connectS: 5,
      maxPacketBytes: 2 ** 20,
      fleet: 'test',
      id,
      version: '0.0.0',
      powerSource: 'none',
      recheckMs,
    },
    {
      inventory: createInventory({ model, data, evaluation, dialogueField: '', summaryField: '', cacheFile }),
      journal,
      cache: new AdapterCache(join(at.state, 'adapters')),
      trainer,
      ...(changes.droppedPoints ? { droppedPoints: changes.droppedPoints } : {}),
      measure: changes.measure ?? (() => ({ source: 'ina3221', lap: async () => 5, end: async () => spent })),
      peak: {
        current: async () => ({ gflops: 100, source: 'table' }),
        busy: () => peak.add('busy'),
        rest: () => peak.add('rest'),
        stop() {},
      },
      network: 'wifi',
      write: (written) => written.forEach(points.add),
      log: createLog('device', (line) => logged.add(JSON.parse(line))),
      limits: {
        chunkBytes: 1024,
        maxAdapterBytes: 2 ** 24,
        silentMs: 5_000,
        retryMs: 10,
        maxSilences: 3,
        ...changes.limits,
      },
    },
  );
  t.after(() => agent.stop());
  const { sha256: modelSha256 } = await modelIdentity(model, cacheFile);
  return { agent, trainer, logged, points, peak, modelSha256 };
}
