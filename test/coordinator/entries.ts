import type { World } from '../../coordinator/plan.js';
import { type RunEntry, type RunState, replay, type Stage } from '../../coordinator/run.js';
import type { Measures, Presence } from '../../schemas/messages.js';
import { runSettings } from '../../schemas/run-settings.js';
import { requireSettings } from '../../schemas/settings.js';

/** Entries of a small run's journal, and the world around it. */
export const sha = 'a'.repeat(64);
export const settingsOf = (raw: Record<string, unknown>) =>
  requireSettings(runSettings, { rounds: 2, minDevices: 2, deadlineS: 60, waitS: 30, ...raw }, 'test');
export const trigger = { id: '', source: 'mqtt', dueAt: null, late: false } as const;
export const begin = (raw: Record<string, unknown> = {}): RunEntry => ({
  kind: 'started',
  atMs: 1000,
  run: 'r',
  fleet: 'f',
  trigger,
  settings: settingsOf(raw),
});
export const device = (deviceId: string, more: Partial<Presence> = {}): Presence => ({
  deviceId,
  session: 1,
  online: true,
  modelSha256: 'm',
  trainExamples: 10,
  evaluationExamples: 4,
  version: '1',
  problem: '',
  ...more,
});
/** The broker is there since 0 unless told otherwise. */
export const world = (more: Partial<World> = {}): World => {
  const { nowMs = 2000 } = more;
  return { nowMs, devices: [device('a'), device('b')], connectedForMs: nowMs, settleMs: 5000, ...more };
};
export const measures = (more: Partial<Measures> = {}): Measures => ({
  examples: 1,
  steps: 1,
  tokens: 10,
  labelTokens: 5,
  loss: 2,
  seconds: 1,
  bytesDown: 100,
  ...more,
});
export const opened = (stage: Stage, invited: string[], atMs = 2000): RunEntry => ({
  kind: 'opened',
  atMs,
  stage,
  modelSha256: 'm',
  invited,
  deadlineMs: atMs + 60_000,
});
export const accepted = (deviceId: string, more: Partial<Measures> = {}, atMs = 3000): RunEntry => ({
  kind: 'accepted',
  atMs,
  deviceId,
  sha256: sha,
  bytes: 1000,
  measures: measures(more),
});
export const refused = (deviceId: string): RunEntry => ({
  kind: 'refused',
  atMs: 3000,
  deviceId,
  sha256: sha,
  reason: 'NaN',
});
export const closed = (...contributors: string[]): RunEntry => ({ kind: 'closed', atMs: 4000, contributors });
export const made = (version: number, atMs = 5000): RunEntry => ({
  kind: 'made',
  atMs,
  version,
  sha256: sha,
});
export const init: RunEntry[] = [
  opened({ kind: 'init', round: 0 }, ['a']),
  accepted('a'),
  closed('a'),
  made(0),
];
export const evaluate = (round: number): RunEntry[] => [
  opened({ kind: 'evaluate', round }, ['a', 'b']),
  accepted('a', { loss: 1, labelTokens: 30, examples: 3, rouge1: 10, rouge2: 0, rougeL: 20 }),
  accepted('b', { loss: 5, labelTokens: 10, examples: 1, rouge1: 50, rouge2: 8, rougeL: 40 }),
  closed('a', 'b'),
];
export const train = (round: number): RunEntry[] => [
  opened({ kind: 'train', round }, ['a', 'b'], 10_000 * round),
  accepted('b', { joules: 7 }, 10_000 * round + 200),
  accepted('a', { loss: 4, labelTokens: 15 }, 10_000 * round + 300),
  { kind: 'closed', atMs: 10_000 * round + 400, contributors: ['a', 'b'] },
  made(round, 10_000 * round + 500),
];
export const stateOf = (entries: RunEntry[], raw: Record<string, unknown> = {}) =>
  replay([begin(raw), ...entries]);
export const whereIs = ({ step }: RunState) =>
  step.phase === 'ended' ? ['ended'] : [step.phase, step.stage];
