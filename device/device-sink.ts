import { join } from 'node:path';
import type { Log } from '../runtime/log.js';
import type { Point } from '../schemas/messages.js';
import { Refusal } from '../schemas/refusal.js';
import { machineClock } from '../telemetry/clock.js';
import type { Deliver } from '../telemetry/pump.js';
import { createSink, createSinkTo, type Sink } from '../telemetry/sink.js';
import type { DeviceSettings } from './settings.js';

const ownTimes = { syncEveryMs: 5_000, gaugeMs: 10_000, clock: machineClock };
const toCoordinator = { maxLines: 500, everyMs: 2_000, backfillMs: 100, maxWaitMs: 30_000 };
/** Of a batch as lines; as a message it may be twice as long. */
const mostBatchBytes = 32 * 1024;

/**
 * Points go to InfluxDB where the device knows one, else to the coordinator; either way by way of the disk.
 * @param publish resolves when the coordinator has them
 */
export function openDeviceSink(
  settings: DeviceSettings,
  log: Log,
  publish: (points: Point[]) => Promise<void>,
): Promise<Sink> {
  const { state, telemetryBytes, fleet, id: device, maxPacketBytes, influxUrl } = settings;
  const spool = { folder: join(state, 'telemetry'), maxBytes: telemetryBytes };
  const sink = { ...spool, name: device, tags: { fleet, device }, ...ownTimes };
  if (influxUrl !== '') return createSink({ ...settings, ...sink }, log);
  const maxBytes = Math.min(mostBatchBytes, Math.floor(maxPacketBytes / 4));
  return createSinkTo(refusedForGood(publish), sink, { ...toCoordinator, maxBytes }, log);
}

/** What no message can carry would be refused again. */
function refusedForGood(publish: (points: Point[]) => Promise<void>): Deliver {
  return async (points) => {
    try {
      await publish(points);
      return { dropped: 0, reason: '' };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { dropped: points.length, reason: error.message };
    }
  };
}
