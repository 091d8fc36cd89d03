import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { everySensor } from '../../bench/boards/jetsons.js';
import { plant } from '../../bench/boards/tree.js';
import { armCores } from '../device/boards.js';
import { completed, startRun, withFleet } from '../fleet/fleet.js';
import { createInfluxd } from '../telemetry/influxd.js';
import { type Ask, askAll, asker, type Findings, isWhole, unwrittenFields } from './live-check.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const database = 'fleetune';
const settleLimitMs = 20_000;
/** Of power, at two a second. */
const idleSamples = 5;

/**
 * Lets a fleet of real processes do a run into an influxd of its own, and asks there all that the dashboards
 * and the alert rules ask.
 */
export async function checkDashboards(): Promise<Findings> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-dashboards-'));
  const influxd = await createInfluxd(folder);
  try {
    await influxd.start();
    const env = {
      ...process.env,
      FLEETUNE_INFLUX_URL: influxd.url,
      FLEETUNE_INFLUX_DATABASE: database,
      FLEETUNE_TELEMETRY_S: '0.5',
      FLEETUNE_SENSOR_ROOT: plant({ ...everySensor, ...armCores('0xd42', 2, 2201) }),
      FLEETUNE_NETWORK: 'ethernet',
    };
    let findings: Findings | undefined;
    await withFleet(
      async (fleet) => {
        const ask = asker(influxd.url, database);
        await restedFor(idleSamples, ask);
        await startRun(fleet, 'dashboards');
        await completed(fleet, 'dashboards');
        const limitMs = Date.now() + settleLimitMs;
        // Services tell of their spools now and then only, and what they wrote last is on its way.
        do {
          await wait(500);
          findings = { ...(await askAll(root, ask)), unwritten: await unwrittenFields(ask) };
        } while (!isWhole(findings) && Date.now() < limitMs);
      },
      { env },
    );
    return findings!;
  } finally {
    await influxd.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Idle watts are of a board that had no task for a while. */
async function restedFor(samples: number, ask: Ask): Promise<void> {
  for (const limitMs = Date.now() + settleLimitMs; Date.now() < limitMs; ) {
    const { series = [] } = await ask('SELECT count("watts") FROM "power" WHERE "rail" = \'total\'');
    if (Number(series[0]?.values[0]?.[1] ?? 0) >= samples) return;
    await wait(100);
  }
}
