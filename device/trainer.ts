import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { EngineOptions } from '../schemas/engine-settings.js';
import type { Measures, Task } from '../schemas/messages.js';
import type { NamedTensors } from '../schemas/tensors.js';
import type {
  Progress,
  ShardFile,
  TrainerJob,
  TrainerReply,
  TrainerRequest,
  TrainerResult,
} from './trainer-messages.js';

/**
 * What a device asks of its training engine, one job at a time. A job that fails rejects with why; others may
 * follow.
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
  /** The process's script. */
  script?: string;
}

const stopped = new WeakSet<ChildProcess>();
const killAfterMs = 2_000;
const ownScript = fileURLToPath(new URL('./trainer-process.js', import.meta.url));

export function createTrainer(settings: TrainerSettings): Trainer {
  const { model, engine, idleS, script = ownScript } = settings;
  let child: ChildProcess | undefined;
  let idle: NodeJS.Timeout | undefined;
  let busy = false;
  let peakRssBytes: number | undefined;

  function started(): ChildProcess {
    // One that was told to go may still be there; it takes no more jobs.
    if (child?.connected && !stopped.has(child) && child.exitCode === null && child.signalCode === null)
      return child;
    const fresh = fork(script, [], {
      serialization: 'advanced', // Typed arrays go as they are.
      execArgv: [],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    fresh.on('exit', () => {
      if (child === fresh) child = undefined;
    });
    fresh.on('error', () => {}); // Each job hears of it by its own listener.
    fresh.send({ kind: 'open', model, engine } satisfies TrainerRequest, () => {});
    child = fresh;
    return fresh;
  }

  async function run<K extends TrainerJob['kind']>(
    kind: K,
    job: TrainerJob,
    progress: (p: Progress) => void = () => {},
  ): Promise<Extract<TrainerResult, { kind: K }>> {
    if (busy) throw new Error('the trainer was given a second job at a time');
    busy = true;
    clearTimeout(idle);
    const process = started();
    try {
      const { result, peakRssBytes: peak } = await answerOf(process, job, progress);
      peakRssBytes = peak;
      if (result.kind !== kind) throw new Error(`the trainer answered ${result.kind} to ${kind}`);
      idle = setTimeout(() => void end(process), idleS * 1000).unref();
      return result as Extract<TrainerResult, { kind: K }>;
    } catch (error) {
      await end(process); // What made a job fail may be the process's own state.
      throw error;
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
      clearTimeout(idle);
      if (child) await end(child);
    },
    get pid() {
      return child?.pid;
    },
    get peakRssBytes() {
      return peakRssBytes;
    },
  };
}

type Done = Extract<TrainerReply, { kind: 'done' }>;

/** Sends a job and waits for its end. @throws Error with the trainer's reason, or how its process ended */
function answerOf(child: ChildProcess, job: TrainerJob, progress: (p: Progress) => void): Promise<Done> {
  return new Promise<Done>((resolve, reject) => {
    const settled = () => {
      child.off('message', onMessage).off('exit', onExit).off('error', reject);
    };
    const onMessage = (reply: TrainerReply) => {
      if (reply.kind === 'progress') return progress(reply.progress);
      settled();
      if (reply.kind === 'done') resolve(reply);
      else reject(new Error(reply.message));
    };
    const onExit = (code: number | null, signal: string | null) => {
      settled();
      reject(new Error(stopped.has(child) ? 'the trainer was stopped' : ended(code, signal)));
    };
    child.on('message', onMessage).on('exit', onExit).on('error', reject);
    child.send({ kind: 'job', job } satisfies TrainerRequest, (error) => {
      // An exit follows and says more, unless there never was a process.
      if (error && child.pid === undefined) reject(error);
    });
  });
}

function ended(code: number | null, signal: string | null): string {
  if (signal === 'SIGKILL')
    return (
      'the trainer process was killed (SIGKILL): most likely it ran out of memory; ' +
      'try a smaller batchSize or maxSourceTokens'
    );
  return `the trainer process ended before its answer (${signal ?? `exit code ${code}`})`;
}

/** Asks the process to go, and makes it go. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  stopped.add(child);
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const killing = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  await gone;
  clearTimeout(killing);
}
