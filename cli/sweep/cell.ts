import { type ChildProcess, fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CellJob, CellReply } from './cell-messages.js';
import type { PowerMeter, Spent } from './power.js';

export type Step = Omit<CellReply & { kind: 'step' }, 'kind'>;

export type Ended =
  | {
      kind: 'done';
      steps: Step[];
      flops: number;
      loadedMb: number;
      peakRssMb: number;
      spent: Spent | undefined;
    }
  | { kind: 'out of memory'; reason: string }
  | { kind: 'failed'; reason: string };

/** Runs children one at a time. */
export class Cells {
  #child: ChildProcess | undefined;
  readonly #meter: PowerMeter | undefined;

  constructor(meter: PowerMeter | undefined) {
    this.#meter = meter;
  }

  /** The machine's matrix product in GFLOP/s; undefined where it could not be measured. */
  async ceiling(job: CellJob & { kind: 'ceiling' }): Promise<number | undefined> {
    let gflops: number | undefined;
    await this.#run(job, (reply) => {
      if (reply.kind === 'ceiling') gflops = reply.gflops;
    });
    return gflops;
  }

  async steps(job: CellJob & { kind: 'steps' }, progress: (steps: number) => void): Promise<Ended> {
    const steps: Step[] = [];
    let done: (CellReply & { kind: 'done' }) | undefined;
    let failure = '';
    let measured: Promise<() => Promise<Spent>> | undefined;
    let spent: Promise<Spent> | undefined;
    const { code, signal } = await this.#run(job, (reply) => {
      if (reply.kind === 'measuring') measured = this.#meter?.start();
      if (reply.kind === 'failed') failure = reply.message.split('\n')[0]!;
      if (reply.kind === 'step') progress(steps.push({ ms: reply.ms, parts: reply.parts }));
      if (reply.kind === 'done') {
        done = reply;
        spent = measured?.then((stop) => stop());
      }
    });
    if (!done) await (await measured)?.();
    if (done)
      return {
        kind: 'done',
        steps,
        flops: done.flops,
        loadedMb: done.loadedBytes / 1024 ** 2,
        peakRssMb: done.peakRssBytes / 1024 ** 2,
        spent: await spent,
      };
    if (signal === 'SIGKILL') return { kind: 'out of memory', reason: 'killed: out of memory' };
    if (/alloc|out of memory/i.test(failure)) return { kind: 'out of memory', reason: failure };
    return { kind: 'failed', reason: failure || `ended with ${signal ?? code}` };
  }

  stop(): void {
    this.#child?.kill('SIGKILL'); // A step blocks its process for as long as it takes: it would hear nothing else.
  }

  #run(
    job: CellJob,
    heard: (reply: CellReply) => void,
  ): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    const child = fork(fileURLToPath(new URL('./cell-process.js', import.meta.url)), {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#child = child;
    killFirst(child.pid);
    child.on('message', heard);
    child.send(job);
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        this.#child = undefined;
        resolve({ code, signal });
      });
    });
  }
}

/** Where memory runs out all the same, the kernel shall end the cell and nothing else. */
function killFirst(pid: number | undefined): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '1000');
  } catch {
    // No Linux, or it has ended already.
  }
}
