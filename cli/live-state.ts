import type { LiveSnapshot, LiveSource } from '../schemas/live.js';
import { snapshotOf } from '../schemas/live.js';
import type { Presence, TelemetryBatch } from '../schemas/messages.js';
import type { Refused, RunSummary } from '../schemas/status.js';
import { NewestFigures } from '../telemetry/newest.js';

/** All that was heard of a fleet, the newest of each. */
export interface LiveState extends LiveSource {
  newest: NewestFigures;
  /** How the run that ended last came out, and the trigger that was refused last. */
  result: RunSummary | undefined;
  refused: Refused | undefined;
}

export const nothingHeard = (fleet: string): LiveState => ({
  fleet,
  connected: true,
  coordinating: true,
  status: undefined,
  presences: new Map(),
  newest: new NewestFigures(),
  result: undefined,
  refused: undefined,
});

export const withPresence = (state: LiveState, presence: Presence): LiveState => ({
  ...state,
  presences: new Map(state.presences).set(presence.deviceId, presence),
});

/** The state without devices of which a broker that came back knows nothing more. */
export const withoutDevices = (state: LiveState, gone: ReadonlySet<string>): LiveState =>
  gone.size === 0
    ? state
    : { ...state, presences: new Map([...state.presences].filter(([id]) => !gone.has(id))) };

/** What was measured is kept in the state as it is: it would be too much to copy. */
export function withTelemetry(
  state: LiveState,
  { deviceId, points }: TelemetryBatch,
  nowMs: number,
): LiveState {
  state.newest.hear(deviceId, points, nowMs);
  return state;
}

/** @param devices at most so many are in it */
export const snapshot = (state: LiveState, nowMs: number, devices = 10_000): LiveSnapshot =>
  snapshotOf(state, nowMs, { devices, rounds: 1000 });
