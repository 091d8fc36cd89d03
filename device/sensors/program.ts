import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';

/** Newer than that, or it says nothing. */
export const silentMs = 5_000;
/** A longer line is no line of a program that we know. */
const maxLineBytes = 8 * 1024;
const restartMs = { first: 1_000, most: 60_000 };
/** For its end, before it is killed; then no more is waited for it. */
const endMs = 1_000;
/** How often a program is asked to print, for samples at that pace; readings of power come each second at least. */
export const paceMs = (everyMs: number) => Math.round(Math.min(1_000, Math.max(100, everyMs)));

/**
 * A program of the system that prints a line again and again, such as `tegrastats`. One that ends is started again,
 * after a wait that grows; `stop` ends it.
 */
export class Program {
  readonly #path: string;
  readonly #args: readonly string[];
  readonly #understand: (line: string) => boolean;
  #child: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #waitMs = restartMs.first;
  #heardMs: number | undefined;
  #stopped = false;

  /** @param understand takes a line, and answers whether it says something */
  constructor(path: string, args: readonly string[], understand: (line: string) => boolean) {
    this.#path = path;
    this.#args = args;
    this.#understand = understand;
    this.#start();
  }

  /** @throws where the newest line that says something is older than that. @param nowMs monotonic */
  requireHeard(withinMs: number, nowMs: number): void {
    const silentMs = nowMs - (this.#heardMs ?? Number.NEGATIVE_INFINITY);
    if (silentMs > withinMs) throw new Error(`${this.#path}: no reading for ${withinMs / 1000} s`);
  }

  /** Whether it says something within so long; not where it ends before. */
  async heard(withinMs: number): Promise<boolean> {
    const untilMs = performance.now() + withinMs;
    const child = this.#child;
    while (this.#heardMs === undefined && this.#child === child && performance.now() < untilMs)
      await wait(20);
    return this.#heardMs !== undefined;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (!child) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), endMs);
    await Promise.race([ended, wait(2 * endMs, undefined, { ref: false })]);
    clearTimeout(timer);
    child.stdout?.destroy();
    child.unref(); // A driver that hangs keeps its program, not us.
  }

  #start(): void {
    const startMs = performance.now();
    const child = spawn(this.#path, this.#args, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child = child;
    let rest = '';
    // Without a file handle left there is no pipe.
    child.stdout?.setEncoding('latin1').on('data', (text: string) => {
      const lines = (rest + text).split(/\r?\n/);
      rest = lines.pop()!.slice(0, maxLineBytes);
      for (const line of lines) this.#hear(line.slice(0, maxLineBytes));
    });
    child.once('error', () => this.#ended(child, startMs));
    child.once('exit', () => this.#ended(child, startMs));
  }

  #hear(line: string): void {
    if (this.#understand(line)) this.#heardMs = performance.now();
  }

  #ended(child: ChildProcess, startMs: number): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    if (this.#stopped) return;
    if (performance.now() - startMs > restartMs.most) this.#waitMs = restartMs.first;
    this.#timer = setTimeout(() => this.#start(), this.#waitMs);
    this.#timer.unref();
    this.#waitMs = Math.min(2 * this.#waitMs, restartMs.most);
  }
}
