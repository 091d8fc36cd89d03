import type { Graph } from './graph.js';
import type { Session } from './session.js';

export interface SessionCache {
  /** The session of a key; its graph is built and opened when it is not there. */
  get(key: string, build: () => Graph): Promise<Session>;
  /** How many were opened so far: each may leave memory behind. */
  readonly opened: number;
  release(): Promise<void>;
}

/**
 * Keeps the few sessions that were used last, as making them again takes seconds and leaks (onnxruntime #25325), and
 * each may hold a copy of the weights. Where one more is opened, the one unused for longest is released: nobody may
 * hold more than `limit` at a time.
 */
export function createSessionCache(open: (graph: Graph) => Promise<Session>, limit: number): SessionCache {
  const held = new Map<string, Promise<Session>>(); // In order of use, the last at the end.
  let opened = 0;

  async function evict(sessions: readonly Promise<Session>[]): Promise<void> {
    for (const session of sessions) await (await session.catch(() => undefined))?.release();
  }

  return {
    get(key, build) {
      const known = held.get(key);
      held.delete(key);
      if (known) {
        held.set(key, known);
        return known;
      }
      const unused = [...held].slice(0, Math.max(0, held.size + 1 - limit));
      for (const [name] of unused) held.delete(name);
      // Released before the new one is opened: they need not stand in memory together.
      const session = evict(unused.map(([, stale]) => stale)).then(() => open(build()));
      held.set(key, session);
      opened++;
      session.catch(() => held.get(key) === session && held.delete(key)); // The next may try again.
      return session;
    },
    get opened() {
      return opened;
    },
    async release() {
      const all = [...held.values()];
      held.clear();
      await evict(all);
    },
  };
}
