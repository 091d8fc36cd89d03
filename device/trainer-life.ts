import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { explained, OutOfMemory, readOomKills } from './trainer-ending.js';
import type { Padded, Progress, TrainerJob, TrainerReply, TrainerRequest } from './trainer-messages.js';

/** The life of one trainer process: its start, the answers it gives, its end. */

const stopped = new WeakSet<ChildProcess>();
const killAfterMs = 2_000;
const maxLastWords = 4_000;

export function startProcess(script: string, opening: TrainerRequest): ChildProcess {
  const child = fork(script, [], {
    serialization: 'advanced', // Typed arrays go as they are.
    execArgv: [],
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  child.stderr?.pipe(process.stderr, { end: false });
  child.on('error', () => {}); // Each job hears of it by its own listener.
  child.send(opening, () => {});
  return child;
}

export const takesJobs = (child: ChildProcess) =>
  child.connected && !stopped.has(child) && child.exitCode === null && child.signalCode === null;

type Done = Extract<TrainerReply, { kind: 'done' }>;

/**
 * Sends a job and waits for its end.
 * @throws OutOfMemory; Error with the trainer's reason, or how its process ended
 */
export function answerOf(
  child: ChildProcess,
  job: TrainerJob,
  progress: (p: Progress) => void,
): Promise<Done> {
  return new Promise<Done>((resolve, reject) => {
    const oomKillsBefore = readOomKills();
    let batch: Padded | undefined;
    let lastWords = '';
    const settled = () => {
      child.off('message', onMessage).off('close', onClose).off('error', reject);
      child.stderr?.off('data', onWords);
    };
    const failed = (reason: string, outOfMemory: boolean) =>
      reject(outOfMemory ? new OutOfMemory(reason, batch) : new Error(reason));
    const onWords = (words: Buffer) => {
      lastWords = (lastWords + words).slice(-maxLastWords);
    };
    const onMessage = (reply: TrainerReply) => {
      if (reply.kind === 'running') batch = reply.batch;
      if (reply.kind === 'progress') progress(reply.progress);
      if (reply.kind === 'running' || reply.kind === 'progress') return;
      settled();
      if (reply.kind === 'done') resolve(reply);
      else failed(reply.message, reply.outOfMemory);
    };
    // Not at its exit: what it wrote last may come after.
    const onClose = (code: number | null, signal: string | null) => {
      settled();
      if (stopped.has(child)) return failed('the trainer was stopped', false);
      const found = explained({ code, signal, lastWords, oomKillsBefore, oomKillsAfter: readOomKills() });
      failed(found.reason, found.outOfMemory);
    };
    child.on('message', onMessage).on('close', onClose).on('error', reject);
    child.stderr?.on('data', onWords);
    child.send({ kind: 'job', job } satisfies TrainerRequest, (error) => {
      // An exit follows and says more, unless there never was a process.
      if (error && child.pid === undefined) reject(error);
    });
  });
}

/** Asks a process to go, and makes it go. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  stopped.add(child);
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const killing = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  await gone;
  clearTimeout(killing);
}
