import { chmod, lstat, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Refusal } from '../schemas/refusal.js';
import { told } from './log.js';

/** One thing that a service looks at to say whether it is well. */
export interface Check {
  name: string;
  ok: boolean;
  /** In a few words, what was seen; no text of a shard, no secret. */
  detail: string;
}

/** That a service has its broker. */
export const linkCheck = (connected: boolean): Check => ({
  name: 'broker',
  ok: connected,
  detail: connected ? 'connected' : 'not connected: it tries again by itself',
});

const maxAnswerBytes = 64 * 1024;
/** A connection within this machine needs far less. */
const connectLimitMs = 2_000;

/**
 * Answers everyone who connects to a Unix socket with the checks, as JSON, and hangs up. That an answer comes at
 * all says that the event loop turns. A socket that a killed process left is taken over.
 * @throws Refusal where the socket can't be made, or another process answers on it
 */
export async function answerHealth(path: string, checks: () => Promise<Check[]>) {
  if (await accepts(path)) throw new Refusal(`the health socket ${path} is in use: give another`);
  // Nothing but a socket: the path may be a mistake.
  if ((await lstat(path).catch(() => undefined))?.isSocket()) await rm(path).catch(() => undefined);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket)).on('error', () => undefined);
    checks()
      .catch((error): Check[] => [{ name: 'checks', ok: false, detail: told(error) }])
      .then((done) => socket.end(JSON.stringify(done)));
  });
  await listening(server, path);
  await chmod(path, 0o600);
  return {
    stop(): void {
      server.close(); // Which removes the socket.
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function listening(server: Server, path: string): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code;
    throw new Refusal(
      `the health socket ${path} can’t be made (${why}): give a short path in a folder to write`,
    );
  }
}

/** Asks the service at a socket. @throws Refusal where none answers within the limit, or not with checks */
export async function askHealth(path: string, limitMs: number): Promise<Check[]> {
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connect(path);
    let answer = '';
    const refuse = (why: string) => {
      socket.destroy();
      reject(new Refusal(`no service answers at ${path}: ${why}`));
    };
    socket.setEncoding('utf8');
    socket.setTimeout(limitMs, () => refuse(`it was silent for ${limitMs / 1000} s`));
    socket.on('data', (piece: string) => {
      answer += piece;
      if (answer.length > maxAnswerBytes) refuse('its answer is too long');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => refuse(error.code ?? error.message));
    socket.on('end', () => resolve(answer));
  });
  try {
    return JSON.parse(text) as Check[];
  } catch {
    throw new Refusal(`what answers at ${path} is no service of this project`);
  }
}

/** Whether a port, or a Unix socket, takes connections now. */
export function accepts(where: string | { host: string; port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = typeof where === 'string' ? connect(where) : connect(where);
    const answer = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.setTimeout(connectLimitMs, () => answer(false));
    socket.once('connect', () => answer(true)).once('error', () => answer(false));
  });
}
