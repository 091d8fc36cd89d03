import { constants } from 'node:os';
import { Refusal } from '../schemas/refusal.js';
import { answerHealth, type Check } from './health.js';
import { told, withoutLogin } from './log.js';
import { openNotice } from './notice.js';

export interface Service {
  stop(): Promise<void>;
  /** What it looks at to say whether it is well. */
  health?(): Promise<Check[]>;
}

/** Lets a service answer on a Unix socket until it stops; no socket where the path is empty. */
export async function withHealth(socket: string, service: Service): Promise<Service> {
  if (socket === '') return service;
  const { health = async () => [] } = service;
  const answers = await answerHealth(socket, () => health()).catch(async (error) => {
    await service.stop();
    throw error;
  });
  return {
    stop() {
      answers.stop();
      return service.stop();
    },
  };
}

/** Below the 10 s after which container runtimes kill. */
const stopLimitMs = 9_000;
/** A terminal and npm both pass one Ctrl-C on: what comes so soon after the first is the same. */
const sameSignalMs = 500;

/**
 * The life of a process: start, run until SIGINT, SIGTERM or its parent's end of IPC, stop within a limit; a second
 * signal ends it at once. A Refusal is told in its one or two lines, exit code 1; anything else is our own mistake:
 * stack, exit code 70.
 */
export async function runService(start: () => Promise<Service>): Promise<void> {
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  process.stderr.on('error', () => {}); // Whoever read the log is gone: no reason to leave the fleet.
  const notice = openNotice(process.env, fail);
  let stoppingMs: number | undefined;
  let service: Service | undefined;
  const stop = () => {
    if (stoppingMs !== undefined) return;
    stoppingMs = performance.now();
    notice.stopping();
    setTimeout(() => fail(new Refusal(`not stopped within ${stopLimitMs / 1000} s`)), stopLimitMs).unref();
    void (service?.stop() ?? Promise.resolve()).then(() => process.exit(0), fail);
  };
  const signalled = (signal: 'SIGINT' | 'SIGTERM') => {
    const isSecond = stoppingMs !== undefined && performance.now() - stoppingMs > sameSignalMs;
    if (isSecond) process.exit(128 + constants.signals[signal]);
    stop();
  };
  process.on('SIGINT', signalled);
  process.on('SIGTERM', signalled);
  process.on('disconnect', stop); // A supervisor that was killed leaves no orphan behind.
  try {
    service = await start();
    notice.ready();
  } catch (error) {
    fail(error);
  }
}

/** Ends the process with what a person needs to know. */
export function fail(error: unknown): never {
  if (error instanceof Refusal) {
    // It may hold words of another machine: they are not to command the terminal.
    process.stderr.write(`fleetune: ${told(error).replace(/(?!\n)[\p{Cc}\p{Cf}]/gu, ' ')}\n`);
    process.exit(1);
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`fleetune: unexpected: ${withoutLogin(stack)}\n`);
  process.exit(70);
}
