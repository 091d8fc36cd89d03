import type { Log } from '../../runtime/log.js';
import type { LiveLimits, LiveSnapshot, LiveSource } from '../../schemas/live.js';
import { snapshotOf } from '../../schemas/live.js';
import { startPageServer } from './server.js';
import type { PageSettings } from './settings.js';

export { pageProblem, pageSettings } from './settings.js';

/** What the page shows: the picture of the fleet, and the watts of the last minutes. */
export interface PageSnapshot extends LiveSnapshot {
  watts: { atMs: number; watts: number }[];
}

const limits: LiveLimits = { devices: 200, rounds: 200 };
const wattsEveryMs = 2000;
const maxWatts = 300;

/** Starts the live page. @param source what it shows, read anew for each snapshot @throws Refusal as the server */
export async function startPage(
  settings: PageSettings,
  source: () => LiveSource,
  log: Log,
): Promise<{ port: number; stop(): Promise<void> }> {
  const watts: PageSnapshot['watts'] = [];
  const snapshot = (): PageSnapshot => ({ ...snapshotOf(source(), Date.now(), limits), watts: [...watts] });
  const server = await startPageServer(settings, snapshot, log);
  const timer = setInterval(() => {
    const now = snapshotOf(source(), Date.now(), { devices: 0, rounds: 0 });
    if (now.totals.watts !== null) watts.push({ atMs: now.atMs, watts: now.totals.watts });
    if (watts.length > maxWatts) watts.shift();
  }, wattsEveryMs);
  return {
    port: server.port,
    async stop() {
      clearInterval(timer);
      await server.stop();
    },
  };
}
