import type { Presence } from '../schemas/messages.js';
import { random, seedOf, shuffled } from '../schemas/random.js';
import { advance } from './round.js';
import { type RunEntry, type RunState, type RunStep, rulesOf, type Stage } from './run.js';
import { commonModel, inOrder, readyFor, select, unfit } from './selection.js';

/** What a run should do now. Everything but `wait` becomes an entry of its journal. */
export type Step =
  | { do: 'wait'; note: string }
  | { do: 'open'; stage: Stage; modelSha256: string; invited: string[]; deadlineMs: number }
  | { do: 'close'; contributors: string[] }
  | { do: 'fail'; reason: string }
  | { do: 'make'; stage: Stage; contributors: string[] }
  | { do: 'end'; state: 'completed' | 'failed'; reason: string };

export interface World {
  nowMs: number;
  devices: readonly Presence[];
  /** How long the broker has been there; null when it is not. */
  connectedForMs: number | null;
  /** How long a stage waits for devices that took part before and are away, or were not heard yet. */
  settleMs: number;
}

const initTries = 3;

/** The next step of a run: a pure function of its state and what is around it. */
export function nextStep(state: RunState, world: World): Step {
  const { step, settings } = state;
  switch (step.phase) {
    case 'waiting':
      return ending(state, step.stage) ?? opening(state, step, world);
    case 'open': {
      const rules = rulesOf(step.stage, settings, step.round.invited.length);
      const round = advance(step.round, { kind: 'tick', nowMs: world.nowMs }, rules);
      if (round.phase === 'open') return { do: 'wait', note: '' };
      if (round.phase === 'failed') return { do: 'fail', reason: round.reason };
      return { do: 'close', contributors: inOrder(round.received) };
    }
    case 'making':
      return { do: 'make', stage: step.stage, contributors: step.contributors };
    case 'ended':
      return { do: 'wait', note: step.reason };
  }
}

/** A decision as the journal keeps it. */
export function entryOf(step: Exclude<Step, { do: 'wait' | 'make' }>, atMs: number): RunEntry {
  switch (step.do) {
    case 'open': {
      const { stage, modelSha256, invited, deadlineMs } = step;
      return { kind: 'opened', atMs, stage, modelSha256, invited, deadlineMs };
    }
    case 'close':
      return { kind: 'closed', atMs, contributors: step.contributors };
    case 'fail':
      return { kind: 'failed', atMs, reason: step.reason };
    case 'end':
      return { kind: 'ended', atMs, state: step.state, reason: step.reason };
  }
}

function ending({ settings, records, initFailures }: RunState, stage: Stage): Step | undefined {
  const last = records.at(-1);
  if (stage.kind === 'init' && initFailures.length >= initTries)
    return { do: 'end', state: 'failed', reason: `no device made the first adapter: ${initFailures.at(-1)}` };
  if (stage.kind !== 'train') return undefined;
  if (last?.state === 'failed' && settings.onFailedRound === 'stop')
    return { do: 'end', state: 'failed', reason: `round ${last.round}: ${last.reason}` };
  if (stage.round <= settings.rounds) return undefined;
  if (records.some((r) => r.state === 'closed')) return { do: 'end', state: 'completed', reason: '' };
  return { do: 'end', state: 'failed', reason: `no round succeeded; round ${last?.round}: ${last?.reason}` };
}

function opening(state: RunState, step: Extract<RunStep, { phase: 'waiting' }>, world: World): Step {
  const { settings } = state;
  const { stage } = step;
  if (world.connectedForMs === null) return { do: 'wait', note: 'the broker is away' };
  const waitedMs = Math.min(world.nowMs - step.sinceMs, world.connectedForMs);
  const modelSha256 = state.modelSha256 || commonModel(world.devices);
  const ready = readyFor(world.devices, modelSha256);
  const names = new Set(ready.map((d) => d.deviceId));
  const missing = (state.asked[stage.kind] ?? []).filter((id) => !names.has(id));
  const heard =
    missing.length === 0 ? world.connectedForMs >= world.settleMs / 5 : waitedMs >= world.settleMs;
  if (!heard) return { do: 'wait', note: missing.length > 0 ? `waiting for ${missing.join(', ')}` : '' };

  const deadlineMs = world.nowMs + settings.deadlineS * 1000;
  const open = (invited: string[]): Step => ({ do: 'open', stage, modelSha256, invited, deadlineMs });
  if (stage.kind === 'evaluate') {
    const evaluators = ready.filter((d) => d.evaluationExamples > 0).map((d) => d.deviceId);
    return evaluators.length > 0 ? open(inOrder(evaluators)) : { do: 'close', contributors: [] };
  }
  const trainers = ready.filter((d) => d.trainExamples > 0).map((d) => d.deviceId);
  if (trainers.length < settings.minDevices) {
    const counts = `${trainers.length} of ${settings.minDevices} devices are ready`;
    const note = counts + others(world, modelSha256);
    const tooLong = waitedMs >= settings.waitS * 1000;
    if (!tooLong) return { do: 'wait', note };
    const reason = `${note} after ${settings.waitS} s (minDevices, waitS)`;
    return stage.kind === 'init' ? { do: 'end', state: 'failed', reason } : { do: 'fail', reason };
  }
  if (stage.kind === 'train') return open(select(trainers, settings.seed, stage.round, settings));
  const order = shuffled(inOrder(trainers), random(seedOf(settings.seed, 0, 'init')));
  return open([order[state.initFailures.length % order.length]!]);
}

/** Who is there but can't take part, and why. */
function others(world: World, modelSha256: string): string {
  const told = world.devices
    .filter((d) => d.online)
    .map((d) => ({ id: d.deviceId, why: unfit(d, modelSha256) }))
    .filter(({ why }) => why !== '')
    .slice(0, 5);
  return told.map(({ id, why }) => `; ${id}: ${why}`).join('');
}
