import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brokerSettings, start as startBroker } from '../../broker/main.js';
import { coordinatorSettings, start as startCoordinator } from '../../coordinator/main.js';
import { requireSettings } from '../../schemas/settings.js';

/** A real broker and a real coordinator without devices, for as long as the work takes. */
export async function withCoordinator(
  work: (broker: string, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-cli-'));
  const broker = await startBroker(requireSettings(brokerSettings, { port: 0, wsPort: -1 }, 'test'));
  const url = `mqtt://127.0.0.1:${broker.port}`;
  const runs = join(folder, 'runs');
  const settings = requireSettings(coordinatorSettings, { broker: url, runs, rounds: 2 }, 'test');
  const coordinator = await startCoordinator(settings);
  try {
    await work(url, folder);
  } finally {
    await coordinator.stop();
    await broker.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
