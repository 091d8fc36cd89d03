import { constants } from 'node:os';

/**
 * Ctrl-C, a lost terminal or a TERM: stops all in order and ends with 128 + the signal's number, as shells expect.
 * A second one does not wait.
 * @returns whether one came: what fails from then on fails because all is being stopped
 */
export function stopOnSignals(stop: () => Promise<void>, kill: () => void): () => boolean {
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      const code = 128 + constants.signals[signal];
      if (stopping) {
        kill();
        process.exit(code);
      }
      stopping = true;
      void stop().then(
        () => process.exit(code),
        () => {
          kill();
          process.exit(code);
        },
      );
    });
  }
  return () => stopping;
}
