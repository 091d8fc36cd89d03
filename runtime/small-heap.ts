import { setFlagsFromString } from 'node:v8';

/**
 * Keeps V8's young generation at the size it has now, for a process that must stay small rather than be quick: it
 * grows to 2 × 16 MiB by a run's traffic otherwise, and goes back only when the process next has enough to do. Call
 * it before the modules are loaded. (`node --max-semi-space-size` is the same, but only a command line can give it.)
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
