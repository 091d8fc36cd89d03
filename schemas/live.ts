import type { Presence } from './messages.js';
import { phaseText, secondsLeft } from './progress.js';
import type { FleetStatus, RoundRecord } from './status.js';

/** What a device measured lately; a figure that nobody measured is absent. */
export interface Figures {
  round?: number;
  step?: number;
  steps?: number;
  /** Of the step, per label token. */
  loss?: number;
  tokensPerS?: number;
  tokensPerJoule?: number;
  /** 0..1 */
  mfu?: number;
  /** Of the board or the package. */
  watts?: number;
  /** What told the watts. */
  source?: string;
  /** The hottest zone. */
  temperatureC?: number;
  cpuPercent?: number;
  gpuPercent?: number;
  /** Of all its links. */
  upBytesPerS?: number;
  downBytesPerS?: number;
}

/** Training's loss where `rounds` were done: 1.5 is in the middle of round 2. */
export interface LossPoint {
  rounds: number;
  loss: number;
}

export type DeviceState = 'away' | 'unfit' | 'ready' | 'init' | 'training' | 'evaluating' | 'done';

export interface LiveDevice {
  id: string;
  state: DeviceState;
  /** Why it can take no task; '' when it can. */
  problem: string;
  version: string;
  trainExamples: number;
  figures: Figures;
}

/** Sums over the devices that measure them; null where none does. */
export interface LiveTotals {
  devices: number;
  online: number;
  ready: number;
  tokensPerS: number | null;
  watts: number | null;
  /** Devices that tell watts. */
  sensed: number;
  /** tokens/s/W; null unless every device that trains tells its watts. */
  tokensPerJoule: number | null;
  upBytesPerS: number | null;
  downBytesPerS: number | null;
  /** The hottest of all. */
  temperatureC: number | null;
  /** Of the run: payload, and computation by the devices with a sensor. */
  bytesUp: number;
  bytesDown: number;
  joules: number | null;
}

export type LiveRound = Pick<
  RoundRecord,
  'round' | 'state' | 'reason' | 'trainLoss' | 'evalLoss' | 'rougeL' | 'seconds' | 'joules'
> & { bytesUp: number; bytesDown: number; invited: number; participants: number };

/** All that a live view shows, as a terminal, a page or a program takes it. */
export interface LiveSnapshot {
  format: 1;
  fleet: string;
  atMs: number;
  /** Whether the broker is there: without it all the rest is as it was. */
  connected: boolean;
  /** Whether a coordinator is there: without it the run is as it was left. */
  coordinating: boolean;
  /** Null where no coordinator has said anything yet. */
  state: FleetStatus['state'] | null;
  run: string | null;
  /** What the run is doing, in words. */
  phase: string;
  round: number;
  rounds: number;
  invited: number;
  received: number;
  startedAt: string | null;
  deadlineAt: string | null;
  secondsLeft: number | null;
  lossBefore: number | null;
  rougeLBefore: number | null;
  totals: LiveTotals;
  /** The newest ones. */
  history: LiveRound[];
  losses: LossPoint[];
  /** By name; those at work first where there are too many. */
  devices: LiveDevice[];
  /** Devices beyond the limit. */
  notShown: number;
}

/** What a snapshot is made of. */
export interface LiveSource {
  fleet: string;
  connected: boolean;
  coordinating: boolean;
  status: FleetStatus | undefined;
  presences: ReadonlyMap<string, Presence>;
  newest: { of(device: string, nowMs: number): Figures; losses(run: string): LossPoint[] };
}

export interface LiveLimits {
  devices: number;
  rounds: number;
}

/** Pure but for what `newest` answers. */
export function snapshotOf(source: LiveSource, nowMs: number, limits: LiveLimits): LiveSnapshot {
  const { fleet, connected, coordinating, status, presences, newest } = source;
  const cohort = cohortOf(status);
  const all = [...presences.values()].map((presence) => {
    const figures = presence.online ? newest.of(presence.deviceId, nowMs) : {};
    return liveDevice(presence, cohort, figures);
  });
  const shown = [...all].sort(byUrgency).slice(0, limits.devices).sort(byName);
  const run = status?.run ?? null;
  return {
    format: 1,
    fleet,
    atMs: nowMs,
    connected,
    coordinating,
    state: status?.state ?? null,
    run,
    phase: run && status ? phaseText(status) : '',
    round: status?.round ?? 0,
    rounds: status?.rounds ?? 0,
    invited: status?.invited.length ?? 0,
    received: status?.received.length ?? 0,
    startedAt: status?.startedAt ?? null,
    deadlineAt: status?.deadlineAt ?? null,
    secondsLeft: (status && secondsLeft(status, nowMs)) ?? null,
    lossBefore: status?.before?.loss ?? null,
    rougeLBefore: status?.before?.rougeL ?? null,
    totals: totalsOf(all, status),
    history: (status?.history ?? []).slice(-limits.rounds).map(liveRound),
    losses: run === null ? [] : newest.losses(run),
    devices: shown,
    notShown: all.length - shown.length,
  };
}

/** Who is asked for what, and who has answered. */
interface Cohort {
  state: FleetStatus['state'];
  round: number;
  invited: ReadonlySet<string>;
  received: ReadonlySet<string>;
}

const cohortOf = (status: FleetStatus | undefined): Cohort => ({
  state: status?.state ?? 'idle',
  round: status?.round ?? 0,
  invited: new Set(status?.invited),
  received: new Set(status?.received),
});

function liveDevice(presence: Presence, cohort: Cohort, figures: Figures): LiveDevice {
  const { deviceId: id, problem, version, trainExamples } = presence;
  const state = deviceState(presence, cohort);
  const { round, step, steps, loss, tokensPerS, tokensPerJoule, mfu, ...board } = figures;
  // Figures of a step are of the task it is at, not of the one before.
  const current = state === 'training' && round === cohort.round;
  const ofStep = current ? defined({ round, step, steps, loss, tokensPerS, tokensPerJoule, mfu }) : {};
  return { id, state, problem, version, trainExamples, figures: { ...board, ...ofStep } };
}

function deviceState({ deviceId, online, problem }: Presence, cohort: Cohort): DeviceState {
  if (!online) return 'away';
  if (problem !== '') return 'unfit';
  if (cohort.received.has(deviceId)) return 'done';
  if (!cohort.invited.has(deviceId)) return 'ready';
  return cohort.state === 'idle' || cohort.state === 'waiting' ? 'ready' : cohort.state;
}

function totalsOf(devices: readonly LiveDevice[], status: FleetStatus | undefined): LiveTotals {
  const history = status?.history ?? [];
  const online = devices.filter(({ state }) => state !== 'away');
  const all = (name: 'tokensPerS' | 'watts' | 'upBytesPerS' | 'downBytesPerS' | 'temperatureC') =>
    online.flatMap(({ figures }) => figures[name] ?? []);
  const working = online.filter(({ figures }) => figures.tokensPerS !== undefined);
  const weighed = working.every(({ figures }) => figures.watts !== undefined);
  const tokens = sum(all('tokensPerS'));
  const watts = sum(working.flatMap(({ figures }) => figures.watts ?? []));
  return {
    devices: devices.length,
    online: online.length,
    ready: online.filter(({ state }) => state !== 'unfit').length,
    tokensPerS: tokens,
    watts: sum(all('watts')),
    sensed: all('watts').length,
    tokensPerJoule: weighed && tokens !== null && watts ? tokens / watts : null,
    upBytesPerS: sum(all('upBytesPerS')),
    downBytesPerS: sum(all('downBytesPerS')),
    temperatureC: all('temperatureC').reduce<number | null>((a, b) => Math.max(a ?? b, b), null),
    bytesUp: sum(history.map(({ bytesUp }) => bytesUp)) ?? 0,
    bytesDown: sum(history.map(({ bytesDown }) => bytesDown)) ?? 0,
    joules: sum(history.flatMap(({ joules }) => joules ?? [])),
  };
}

function liveRound(record: RoundRecord): LiveRound {
  const { round, state, reason, trainLoss, evalLoss, rougeL, seconds, joules, bytesUp, bytesDown } = record;
  const [invited, participants] = [record.invited.length, record.participants.length];
  const measured = { trainLoss, evalLoss, rougeL, seconds, joules, bytesUp, bytesDown };
  return { round, state, reason, ...measured, invited, participants };
}

const urgency: Record<DeviceState, number> = {
  ...{ init: 0, training: 0, evaluating: 0, done: 0, unfit: 1, ready: 2, away: 3 },
};
const byName = (a: LiveDevice, b: LiveDevice) => (a.id < b.id ? -1 : 1);
const byUrgency = (a: LiveDevice, b: LiveDevice) => urgency[a.state] - urgency[b.state] || byName(a, b);

const sum = (values: readonly number[]) =>
  values.length === 0 ? null : values.reduce((total, value) => total + value, 0);

const defined = (figures: { [F in keyof Figures]?: Figures[F] | undefined }): Figures =>
  Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== undefined));
