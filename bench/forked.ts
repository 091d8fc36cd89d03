import { fork } from 'node:child_process';
import { once } from 'node:events';

export interface Forked {
  /** What it said when it was ready, as its port. */
  ready: Record<string, number>;
  /** Ends it, and resolves when it has ended. */
  end(): Promise<void>;
}

/** A service as a process of its own, once it is ready. @throws what it said where it ends before */
export async function forkService(entry: string, argv: readonly string[]): Promise<Forked> {
  const child = fork(entry, argv, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let said = '';
  child.stderr!.on('data', (piece) => {
    said = (said + piece).slice(-2000);
  });
  const exit = once(child, 'exit');
  const [{ ready }] = (await Promise.race([
    once(child, 'message'),
    exit.then(() => {
      throw new Error(`${argv[0]} ended at once: ${said}`);
    }),
  ])) as [Pick<Forked, 'ready'>];
  return {
    ready,
    async end() {
      child.kill();
      await exit;
    },
  };
}
