import type { Presence, TelemetryBatch } from '../schemas/messages.js';
import type { FleetStatus } from '../schemas/status.js';
import { bytesText, counted, fixed, secondsText } from './tables.js';

/** What the live view shows: all that was heard of a fleet, the newest of each. */
export interface LiveState {
  status: FleetStatus | undefined;
  presences: ReadonlyMap<string, Presence>;
  /** Newest `training` point of each device, its fields. */
  training: ReadonlyMap<string, Record<string, number>>;
}

export const nothingHeard: LiveState = { status: undefined, presences: new Map(), training: new Map() };

export function withPresence(state: LiveState, presence: Presence): LiveState {
  return { ...state, presences: new Map(state.presences).set(presence.deviceId, presence) };
}

export function withTelemetry(state: LiveState, { deviceId, points }: TelemetryBatch): LiveState {
  const newest = points.filter(({ measurement }) => measurement === 'training').at(-1);
  return newest ? { ...state, training: new Map(state.training).set(deviceId, newest.fields) } : state;
}

export const readyDevices = ({ presences }: LiveState): Presence[] =>
  [...presences.values()].filter(({ online, problem }) => online && problem === '');

/** One line that tells how far the run is: devices, round, loss, bytes, time left. */
export function headline(state: LiveState, nowMs: number): string {
  const { status } = state;
  if (!status?.run) return `${counted(readyDevices(state).length, 'device')} ready`;
  const last = status.history.findLast(({ evalLoss }) => evalLoss !== null);
  const before = status.before ? ` (before ${fixed(status.before.loss, 3)})` : '';
  const loss = last ? `loss ${fixed(last.evalLoss, 3)}${before}` : before && `loss${before}`;
  const up = status.history.reduce((sum, { bytesUp }) => sum + bytesUp, 0);
  const down = status.history.reduce((sum, { bytesDown }) => sum + bytesDown, 0);
  const left = secondsLeft(status, nowMs);
  return [
    counted(readyDevices(state).length, 'device'),
    phaseText(status),
    ...(loss ? [loss] : []),
    ...(up + down > 0 ? [`${bytesText(up)} up, ${bytesText(down)} down`] : []),
    ...(left === undefined ? [] : [`about ${secondsText(left)} left`]),
  ].join(' · ');
}

/** One line a device: what it is doing. */
export function deviceLine(state: LiveState, { deviceId, online, problem }: Presence): string {
  const { status } = state;
  const fields = state.training.get(deviceId);
  if (!online) return `${deviceId}: away`;
  if (problem !== '') return `${deviceId}: can take no task: ${problem}`;
  if (status?.received.includes(deviceId)) return `${deviceId}: done`;
  if (!status?.invited.includes(deviceId)) return `${deviceId}: ready`;
  if (status.state !== 'training') return `${deviceId}: ${status.state}`;
  if (fields?.step === undefined) return `${deviceId}: training`;
  const { step, steps, loss } = fields;
  return `${deviceId}: step ${step}${steps ? ` of ${steps}` : ''}, loss ${fixed(loss, 3)}`;
}

/** What the run is doing, and how many of its devices have answered. */
export function phaseText({ state, round, rounds, invited, received, note }: FleetStatus): string {
  const counted = invited.length > 0 ? ` (${received.length} of ${invited.length} in)` : '';
  if (state === 'init') return 'making the first adapter';
  if (state === 'training') return `round ${round} of ${rounds}: training${counted}`;
  if (state === 'evaluating')
    return round === 0
      ? `evaluating the model as it is${counted}`
      : `round ${round} of ${rounds}: evaluating${counted}`;
  return `${state === 'idle' ? 'ended' : state}${note ? `: ${note}` : ''}`;
}

/** From the mean of the rounds so far; undefined before the first has ended. */
export function secondsLeft(status: FleetStatus, nowMs: number): number | undefined {
  const { history, rounds, startedAt, state } = status;
  if (state === 'idle') return undefined;
  const done = history.filter(({ evalLoss, state }) => evalLoss !== null || state === 'failed');
  if (done.length === 0 || !startedAt) return undefined;
  const all = done.reduce((sum, { seconds }) => sum + seconds, 0);
  const perRound = all / done.length;
  const elapsed = (nowMs - Date.parse(startedAt)) / 1000;
  // What lies before round 1 (first adapter, first evaluation) is paid once: at most one round's time is taken for it.
  const overhead = Math.min(perRound, Math.max(0, elapsed - all));
  return Math.max(0, perRound * rounds + overhead - elapsed);
}
