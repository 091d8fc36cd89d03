import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Log } from '../runtime/log.js';
import type { EngineOptions } from '../schemas/engine-settings.js';
import type { Measures, OutOfMemory as Shortage, Task } from '../schemas/messages.js';
import type { LogSettings } from '../schemas/service-settings.js';
import type { NamedTensors } from '../schemas/tensors.js';
import { OutOfMemory } from './trainer-ending.js';
import { answerOf, endProcess, startProcess, takesJobs } from './trainer-life.js';
import type { Progress, ShardFile, TrainerJob, TrainerResult } from './trainer-messages.js';
import { TrainerRows } from './trainer-rows.js';

/**
 * What a device asks of its training engine, one job at a time. A job that fails rejects with why; others may
 * follow. One that runs out of memory is done again from its start, in a fresh process and in smaller micro-batches,
 * which its measures tell, until it fits or one row does not; later jobs of its kind start with what fitted.
 */
export interface Trainer {
  init(task: Task): Promise<NamedTensors>;
  train(
    task: Task,
    adapter: NamedTensors,
    shard: ShardFile,
    progress: (p: Progress) => void,
  ): Promise<{ delta: NamedTensors; measures: Measures }>;
  evaluate(task: Task, adapter: NamedTensors, shard: ShardFile): Promise<Measures>;
  /** Ends whatever runs, which then rejects, and its process; a later job starts a new one. */
  stop(): Promise<void>;
  /** Of the process, while there is one. */
  readonly pid: number | undefined;
  /** The process's highest memory so far, as of its last answer. */
  readonly peakRssBytes: number | undefined;
}

export interface TrainerSettings {
  /** Hugging Face folder. */
  model: string;
  engine: EngineOptions & { threads: number };
  /** The process ends after so many seconds without a job, and gives its memory back. */
  idleS: number;
  log?: Pick<Log, 'info' | 'warn'>;
  /** How the process itself logs. */
  logging?: Partial<LogSettings>;
  /** The process's script. */
  script?: string;
}

const ownScript = fileURLToPath(new URL('./trainer-process.js', import.meta.url));

export function createTrainer(settings: TrainerSettings): Trainer {
  const { model, engine, idleS, log, logging = {}, script = ownScript } = settings;
  const rows = new TrainerRows();
  let child: ChildProcess | undefined;
  let idle: NodeJS.Timeout | undefined;
  let busy = false;
  let stops = 0;
  let peakRssBytes: number | undefined;

  function started(): ChildProcess {
    // One that was told to go may still be there; it takes no more jobs.
    if (child && takesJobs(child)) return child;
    const fresh = startProcess(script, { kind: 'open', model, engine, logging });
    fresh.on('exit', () => {
      if (child === fresh) child = undefined;
    });
    child = fresh;
    return fresh;
  }

  async function attempt(job: TrainerJob, progress: (p: Progress) => void): Promise<TrainerResult> {
    const process = started();
    try {
      const { result, peakRssBytes: peak, worn } = await answerOf(process, job, progress);
      peakRssBytes = peak;
      if (worn === '') idle = setTimeout(() => void endProcess(process), idleS * 1000).unref();
      else {
        log?.info('the trainer process ends; the next job has a fresh one', { reason: worn });
        await endProcess(process);
      }
      return result;
    } catch (error) {
      await endProcess(process); // What made a job fail may be the process's own state.
      throw error;
    }
  }

  /** @throws what `attempt` does, but of memory only when one row does not fit */
  async function fitting(job: TrainerJob, progress: (p: Progress) => void): Promise<TrainerResult> {
    const before = stops;
    for (;;) {
      const short = rows.of(job);
      try {
        const result = await attempt(fewer(job, short), progress);
        if (short && result.kind !== 'init') result.measures.outOfMemory = short;
        return result;
      } catch (error) {
        if (!(error instanceof OutOfMemory)) throw error;
        const next = rows.shrink(job, error);
        log?.warn('out of memory: the task begins again in smaller micro-batches', {
          ...job.task.key,
          reason: error.message,
          ...next,
        });
      }
      if (stops !== before) throw new Error('the trainer was stopped');
    }
  }

  async function run<K extends TrainerJob['kind']>(
    kind: K,
    job: TrainerJob,
    progress: (p: Progress) => void = () => {},
  ): Promise<Extract<TrainerResult, { kind: K }>> {
    if (busy) throw new Error('the trainer was given a second job at a time');
    busy = true;
    clearTimeout(idle);
    try {
      const result = await fitting(job, progress);
      if (result.kind !== kind) throw new Error(`the trainer answered ${result.kind} to ${kind}`);
      return result as Extract<TrainerResult, { kind: K }>;
    } finally {
      busy = false;
    }
  }

  return {
    init: async (task) => (await run('init', { kind: 'init', task })).tensors,
    train: (task, adapter, shard, progress) =>
      run('train', { kind: 'train', task, adapter, shard }, progress),
    evaluate: async (task, adapter, shard) =>
      (await run('evaluate', { kind: 'evaluate', task, adapter, shard })).measures,
    async stop() {
      stops++;
      clearTimeout(idle);
      if (child) await endProcess(child);
    },
    get pid() {
      return child?.pid;
    },
    get peakRssBytes() {
      return peakRssBytes;
    },
  };
}

const fewer = (job: TrainerJob, short: Shortage | undefined): TrainerJob =>
  short && job.kind !== 'init' ? { ...job, rows: short.microBatch } : job;
