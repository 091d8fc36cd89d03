import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Refusal } from '../schemas/refusal.js';
import { restartWaitMs } from './restarts.js';

/** What a service says when it is ready, as the broker its ports. */
export type Ready = Record<string, unknown>;

export interface ServiceSpec {
  name: string;
  /** Asked at each start, so that a restarted broker can be told the port that it had. */
  argv(): readonly string[];
  /** It ends before the others, for it has something to say to them. */
  leavesFirst?: boolean;
  /** false: a death is told and no more. */
  restart?: boolean;
}

export interface SupervisorSettings {
  /** The script that each service runs: the compiled `cli/main.js`. */
  entry: string;
  /** Folder of `<service>.log`: their standard output and error. */
  logs: string;
  env?: NodeJS.ProcessEnv;
  readyLimitMs?: number;
  stopLimitMs?: number;
}

export interface SupervisorHandlers {
  /** A service died by itself; `waitMs` until it is started again, undefined: it is not. */
  died?(name: string, how: string, waitMs: number | undefined): void;
  /** A service died too often to be started again. */
  gaveUp?(problem: Refusal): void;
}

interface Supervised {
  readonly spec: ServiceSpec;
  child?: ChildProcess;
  wasReady: boolean;
  deathsMs: number[];
  timer?: NodeJS.Timeout;
}

/**
 * Starts services as processes of their own, each the leader of a process group, starts those that died again, and
 * stops all, so that nothing is left running. Invariant: once `stop` was called nothing is started any more.
 */
export class Supervisor {
  readonly #settings: Required<SupervisorSettings>;
  readonly #handlers: SupervisorHandlers;
  readonly #services = new Map<string, Supervised>();
  #stopped: Promise<void> | undefined;

  constructor(settings: SupervisorSettings, handlers: SupervisorHandlers = {}) {
    this.#settings = { env: process.env, readyLimitMs: 30_000, stopLimitMs: 8_000, ...settings };
    this.#handlers = handlers;
  }

  /** Starts a service and waits until it is ready. @throws Refusal with what the service said when it was not */
  async start(spec: ServiceSpec): Promise<Ready> {
    const service: Supervised = { spec, wasReady: false, deathsMs: [] };
    this.#services.set(spec.name, service);
    const child = this.#fork(service, 'log');
    const { readyLimitMs } = this.#settings;
    return new Promise<Ready>((resolve, reject) => {
      let settled = false;
      const refuse = (how: string) => {
        clearTimeout(late);
        if (!settled) reject(new Refusal(this.#lastWords(spec.name, how)));
        settled = true;
      };
      const late = setTimeout(() => refuse(`not ready after ${readyLimitMs / 1000} s`), readyLimitMs);
      child.once('exit', (code, signal) => refuse(told(code, signal)));
      child.once('error', reject);
      child.on('message', (message: { ready?: Ready }) => {
        if (message.ready === undefined) return;
        clearTimeout(late);
        settled = true;
        service.wasReady = true;
        resolve(message.ready);
      });
    });
  }

  /** Runs a command of the same script to its end. @param heard its messages @returns its standard output */
  async runToEnd(
    name: string,
    argv: readonly string[],
    heard: (message: Record<string, unknown>) => void = () => {},
  ): Promise<string> {
    const service: Supervised = { spec: { name, argv: () => argv }, wasReady: false, deathsMs: [] };
    this.#services.set(name, service);
    const child = this.#fork(service, 'pipe');
    let output = '';
    child.on('message', heard);
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    if (code !== 0) throw new Refusal(this.#lastWords(name, told(code, signal)));
    return output;
  }

  /** Process ids by name, of the services that run now. */
  processes(): Map<string, number> {
    const running = [...this.#services].filter(([, { child }]) => child && isAlive(child));
    return new Map(running.map(([name, { child }]) => [name, child!.pid!]));
  }

  /** Stops one service for good. */
  async end(name: string): Promise<void> {
    const service = this.#services.get(name);
    if (!service) return;
    service.wasReady = false; // Its exit is no death.
    await this.#end(service);
    this.#services.delete(name);
  }

  /** Stops all, the first started last, for the others stand on it. May be called at any moment and twice. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stopAll();
    return this.#stopped;
  }

  /** Ends all at once: for the second Ctrl-C. */
  kill(): void {
    this.#stopped ??= Promise.resolve();
    for (const { child, timer } of this.#services.values()) {
      clearTimeout(timer);
      if (child) killGroup(child);
    }
  }

  async #stopAll(): Promise<void> {
    const [first, ...others] = this.#services.values();
    for (const leaves of [true, false])
      await Promise.all(
        others
          .filter(({ spec }) => (spec.leavesFirst ?? false) === leaves)
          .map((service) => this.#end(service)),
      );
    if (first) await this.#end(first);
  }

  async #end({ child, timer }: Supervised): Promise<void> {
    clearTimeout(timer);
    if (!child) return;
    if (isAlive(child)) {
      const ended = once(child, 'exit');
      const late = setTimeout(() => killGroup(child), this.#settings.stopLimitMs);
      child.kill('SIGTERM');
      await ended;
      clearTimeout(late);
    }
    killGroup(child);
  }

  #fork(service: Supervised, stdout: 'pipe' | 'log'): ChildProcess {
    const { name, argv } = service.spec;
    if (this.#stopped) throw new Refusal(`${name}: not started, for all is being stopped`);
    const { entry, logs, env } = this.#settings;
    mkdirSync(logs, { recursive: true });
    const log = openSync(join(logs, `${name}.log`), 'a');
    try {
      const child = fork(entry, [...argv()], {
        detached: true, // Ctrl-C reaches us alone, and we stop all in order.
        stdio: ['ignore', stdout === 'pipe' ? 'pipe' : log, log, 'ipc'],
        env,
      });
      service.child = child;
      child.once('exit', (code, signal) => this.#exited(service, child, told(code, signal)));
      return child;
    } finally {
      closeSync(log);
    }
  }

  #exited(service: Supervised, child: ChildProcess, how: string): void {
    const { spec, wasReady, deathsMs } = service;
    if (this.#stopped || !wasReady) return; // Whoever started it is told.
    killGroup(child); // A trainer that lost its device has nobody to work for.
    deathsMs.push(Date.now());
    const waitMs = spec.restart === false ? undefined : restartWaitMs(deathsMs, Math.random());
    this.#handlers.died?.(spec.name, how, waitMs);
    if (waitMs !== undefined) service.timer = setTimeout(() => this.#fork(service, 'log'), waitMs);
    else if (spec.restart !== false)
      this.#handlers.gaveUp?.(new Refusal(this.#lastWords(spec.name, `${how}, again and again`)));
  }

  /** What the user needs to know of a service that ended: what it said itself, else how it ended and its log. */
  #lastWords(name: string, how: string): string {
    const log = join(this.#settings.logs, `${name}.log`);
    const said = readFileSync(log, 'utf8').slice(-4000).split('fleetune: ').slice(1).at(-1)?.trim();
    return said && !said.startsWith('unexpected') ? `${name}: ${said}` : `${name}: ${how}: see ${log}`;
  }
}

const isAlive = (child: ChildProcess) =>
  child.pid !== undefined && child.exitCode === null && child.signalCode === null;

const told = (code: number | null, signal: NodeJS.Signals | null) =>
  signal ? `ended by ${signal}` : `ended with exit code ${code}`;

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // ESRCH: the group is empty, as it should be.
  }
}
