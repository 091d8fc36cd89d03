import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { EngineSettings } from '../device/engine/engine.js';

export interface WorkerSettings {
  /** Model folder. */
  model: string;
  /** JSON file of a Workload. */
  workload: string;
  engine: EngineSettings;
}

export interface StepAnswer {
  /** Of each step, the optimizer's included. */
  ms: number[];
  /** Before the first of them. */
  loss: number;
  peakRssMb: number;
}

/** A program in a process of its own that answers each line with a line of JSON, the first one unasked. */
export interface Worker<Answer> {
  first: Answer;
  /** From the start of the process to its first answer. */
  startMs: number;
  ask(line: string): Promise<Answer>;
  /** Ends it, and waits until its memory is free again. */
  end(): Promise<void>;
}

/** @throws Error with what it wrote to standard error, where it ends before it answers */
export async function startWorker<Answer>(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Worker<Answer>> {
  const from = performance.now();
  const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (bytes) => {
    complaint = `${complaint}${bytes}`.slice(-4000);
  });
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(`ended with ${signal ?? code}: ${complaint}`));
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${command} ${args[0]}: ${await ended}`);
    return JSON.parse(value) as Answer;
  };
  const first = await next();
  const startMs = performance.now() - from;
  return {
    first,
    startMs,
    ask(line) {
      child.stdin.write(`${line}\n`);
      return next();
    },
    async end() {
      child.stdin.end();
      await ended;
    },
  };
}

/** The kernel's peak of this program; getrusage would count the process that started it too. */
export function peakRssMb(): number {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(kib) / 1024;
}
