import { Refusal } from '../schemas/refusal.js';
import { told } from './log.js';

export interface Service {
  stop(): Promise<void>;
}

const stopLimitMs = 10_000;

/**
 * The life of a process: start, run until SIGINT, SIGTERM or its parent's end of IPC, stop within a limit.
 * A Refusal is told in its one or two lines, exit code 1; anything else is our own mistake: stack, exit code
 * 70.
 */
export async function runService(start: () => Promise<Service>): Promise<void> {
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  let stopping = false;
  let service: Service | undefined;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(1), stopLimitMs).unref();
    void (service?.stop() ?? Promise.resolve()).then(() => process.exit(0), fail);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  process.on('disconnect', stop); // A supervisor that was killed leaves no orphan behind.
  try {
    service = await start();
  } catch (error) {
    fail(error);
  }
}

/** Ends the process with what a person needs to know. */
export function fail(error: unknown): never {
  if (error instanceof Refusal) {
    process.stderr.write(`fleetune: ${told(error)}\n`);
    process.exit(1);
  }
  process.stderr.write(`fleetune: unexpected: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(70);
}
