import { pointOf } from '../schemas/measurements.js';
import type { Point, Presence } from '../schemas/messages.js';

export type PresenceTable = ReadonlyMap<string, Presence>;

/**
 * The table after an announcement. A will of an older session is stale: the device has come back since.
 * @param maxDevices names beyond it are not taken up
 */
export function announced(table: PresenceTable, presence: Presence, maxDevices: number): PresenceTable {
  const known = table.get(presence.deviceId);
  if (known ? presence.session < known.session : table.size >= maxDevices) return table;
  return new Map(table).set(presence.deviceId, presence);
}

/** The table without a device whose retained presence somebody cleared. */
export function removed(table: PresenceTable, deviceId: string): PresenceTable {
  const next = new Map(table);
  return next.delete(deviceId) ? next : table;
}

/** That a device is gone, in the series in which it says itself that it is up. */
export const deathPoint = ({ deviceId, version }: Presence, fleet: string, timeMs: number): Point =>
  pointOf('device', { fleet, device: deviceId, version }, { up: 0, ready: 0, busy: 0 }, timeMs);
