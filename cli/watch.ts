import { fail } from '../runtime/service.js';
import { readSettings } from '../runtime/settings.js';
import type { CommandTitle } from './commands.js';
import { operatorSettings } from './operator.js';
import { watchRuns } from './run-watch.js';
import { stopOnSignals } from './signals.js';
import { createWatchView } from './watch-view.js';

const tickMs = 1000;

/** `fleetune watch`: shows the fleet until it is interrupted, whatever runs, ends, or is away meanwhile. */
export async function watch(argv: readonly string[], { name, summary }: CommandTitle): Promise<void> {
  const settings = readSettings(operatorSettings, { argv, env: process.env, command: name, summary });
  const view = createWatchView(process.stdout, settings.json);
  process.once('exit', () => view.close());
  process.on('uncaughtException', (error) => {
    view.close(); // Or the screen would take the reason along.
    fail(error);
  });
  let closeLink = async () => {};
  stopOnSignals(
    async () => {
      view.close();
      await closeLink();
    },
    () => view.close(),
  );
  const { operator, state } = await watchRuns(settings, (heard) => view.show(heard));
  closeLink = operator.close;
  setInterval(() => view.show(state()), tickMs);
}
