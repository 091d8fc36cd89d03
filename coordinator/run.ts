import type { Measures } from '../schemas/messages.js';
import type { RunSettings } from '../schemas/run-settings.js';
import type { DeviceCost, RoundRecord, Score } from '../schemas/status.js';
import { stageCosts, withStage } from './costs.js';
import { failedRecord, meanScore, recorded, trainedRecord, withEvaluation } from './record.js';
import { advance, openRound, quorumOf, type Round, type RoundEvent, type RoundRules } from './round.js';

/**
 * A run as a pure machine over the entries of its journal:
 * init → evaluate 0 → [train r → evaluate r]* → ended. What happens next is decided in plan.ts.
 * Invariant: the state is `replay` of the entries on disk, so a crash loses nothing and doubles nothing.
 */
export interface Stage {
  kind: 'init' | 'train' | 'evaluate';
  /** 0: before the first training. */
  round: number;
}

export interface RunTrigger {
  /** '' when the trigger had none. */
  id: string;
  source: 'mqtt' | 'schedule';
  /** When the schedule wanted it, ISO 8601; null for other sources. */
  dueAt: string | null;
  /** It was due while the coordinator was away. */
  late: boolean;
}

export type RunEntry = { atMs: number } & (
  | { kind: 'started'; run: string; fleet: string; trigger: RunTrigger; settings: RunSettings }
  | { kind: 'opened'; stage: Stage; modelSha256: string; invited: string[]; deadlineMs: number }
  | { kind: 'accepted'; deviceId: string; sha256: string; bytes: number; measures: Measures }
  | { kind: 'refused'; deviceId: string; sha256: string; reason: string }
  | { kind: 'resumed'; downtimeMs: number }
  /** The coordinator's wall clock was set, by so much. */
  | { kind: 'clockSet'; byMs: number }
  /** From a backup: devices may have gone further. */
  | { kind: 'restored' }
  | { kind: 'closed'; contributors: string[] }
  | { kind: 'failed'; reason: string }
  | { kind: 'made'; version: number; sha256: string }
  | { kind: 'ended'; state: 'completed' | 'failed' | 'stopped'; reason: string }
);

/** What a device answered to the open task, and what it was told. */
export type Answer = { sha256: string } & (
  | { accepted: true; bytes: number; measures: Measures; atMs: number; awayMs: number }
  | { accepted: false; reason: string }
);
export type Accepted = Extract<Answer, { accepted: true }>;
export type Answers = Readonly<Record<string, Answer>>;

/** A stage whose tasks are out, or were. */
export interface Cohort {
  stage: Stage;
  round: Round;
  answers: Answers;
  openedMs: number;
  /** Since then without a coordinator. */
  awayMs: number;
}

export type RunStep =
  | { phase: 'waiting'; stage: Stage; sinceMs: number }
  | ({ phase: 'open' } & Cohort)
  /** The closing set is fixed; the next version is not on disk yet. */
  | ({ phase: 'making'; contributors: string[]; closedMs: number } & Cohort)
  | { phase: 'ended'; state: 'completed' | 'failed' | 'stopped'; reason: string; atMs: number };

export interface RunState {
  run: string;
  trigger: RunTrigger;
  settings: RunSettings;
  startedMs: number;
  /** Of the base model; '' until the first task. */
  modelSha256: string;
  /** How often it was restored from a backup. */
  term: number;
  /** −1 until there is an adapter. */
  version: number;
  sha256: string;
  before: Score | null;
  /** Of the current version; null until an evaluation of it brought something. */
  after: Score | null;
  records: readonly RoundRecord[];
  /** device → what all rounds cost it. */
  spent: Readonly<Record<string, DeviceCost>>;
  /** Devices that failed to make version 0, and why. */
  initFailures: readonly string[];
  /** Devices that were asked last, by kind of task: whom a stage waits for a little. */
  asked: Readonly<Partial<Record<Stage['kind'], readonly string[]>>>;
  /** Answers of the last few stages, for copies that arrive late. */
  recent: readonly { stage: Stage; answers: Answers }[];
  step: RunStep;
}

const recentStages = 4;

/**
 * @throws Error where the entries are not those of one run, in order: our own mistake, or a journal edited by
 * hand
 */
export function replay(entries: readonly RunEntry[]): RunState {
  const [first, ...rest] = entries;
  if (first?.kind !== 'started') throw new Error('a journal begins with its run’s start');
  const { run, trigger, settings, atMs } = first;
  const begun: RunState = {
    run,
    trigger,
    settings,
    startedMs: atMs,
    modelSha256: '',
    term: 0,
    version: -1,
    sha256: '',
    before: null,
    after: null,
    records: [],
    spent: {},
    initFailures: [],
    asked: {},
    recent: [],
    step: { phase: 'waiting', stage: { kind: 'init', round: 0 }, sinceMs: atMs },
  };
  return rest.reduce(apply, begun);
}

export function apply(state: RunState, entry: RunEntry): RunState {
  const { step } = state;
  switch (entry.kind) {
    case 'opened': {
      if (step.phase !== 'waiting') break;
      const { stage, invited, deadlineMs, atMs: openedMs, modelSha256 } = entry;
      const round = openRound(invited, deadlineMs, rulesOf(stage, state.settings, invited.length));
      const asked = { ...state.asked, [stage.kind]: invited };
      const open: Open = { phase: 'open', stage, round, answers: {}, openedMs, awayMs: 0 };
      return { ...state, modelSha256, asked, step: open };
    }
    case 'accepted': {
      if (step.phase !== 'open') break;
      const { deviceId, sha256, bytes, measures, atMs } = entry;
      const answer: Answer = { accepted: true, sha256, bytes, measures, atMs, awayMs: step.awayMs };
      return heard(state, step, { kind: 'accepted', deviceId }, { ...step.answers, [deviceId]: answer });
    }
    case 'refused': {
      if (step.phase !== 'open') break;
      const { deviceId, sha256, reason } = entry;
      const answer: Answer = { accepted: false, sha256, reason };
      return heard(
        state,
        step,
        { kind: 'failed', deviceId, reason },
        { ...step.answers, [deviceId]: answer },
      );
    }
    case 'resumed': {
      const { downtimeMs } = entry;
      if (step.phase === 'open') {
        const away = { ...step, awayMs: step.awayMs + downtimeMs };
        return heard(state, away, { kind: 'resumed', downtimeMs }, step.answers);
      }
      if (step.phase !== 'waiting') return state;
      return { ...state, step: { ...step, sinceMs: step.sinceMs + downtimeMs } };
    }
    case 'clockSet':
      return { ...state, step: shifted(step, entry.byMs) };
    case 'restored':
      if (step.phase === 'ended') break;
      return { ...state, term: state.term + 1 };
    case 'closed':
      if (step.phase === 'waiting' && step.stage.kind === 'evaluate')
        return follow(state, step.stage, entry.atMs);
      if (step.phase !== 'open') break;
      if (step.stage.kind === 'evaluate') return evaluated(state, step, entry.atMs);
      return making(remember(state, step), ticked(state, step, entry.atMs), entry.contributors, entry.atMs);
    case 'made':
      if (step.phase !== 'making') break;
      return made({ ...state, version: entry.version, sha256: entry.sha256, after: null }, step, entry.atMs);
    case 'failed':
      if (step.phase === 'ended') break;
      return failed(
        state,
        step.phase === 'open' ? ticked(state, step, entry.atMs) : step,
        entry.reason,
        entry.atMs,
      );
    case 'ended': {
      if (step.phase === 'ended') break;
      const { state: outcome, reason, atMs } = entry;
      const cut = step.phase === 'open' && step.stage.kind === 'train' && failed(state, step, reason, atMs);
      return { ...(cut || state), step: { phase: 'ended', state: outcome, reason, atMs } };
    }
  }
  throw new Error(`a run can't take "${entry.kind}" while it is ${step.phase}`);
}

/** How many updates a stage needs: an evaluation takes what comes, version 0 comes from one device. */
export function rulesOf(stage: Stage, settings: RunSettings, invited: number): RoundRules {
  const needed = { evaluate: 0, init: 1, train: quorumOf(settings.quorum, invited) };
  return { needed: needed[stage.kind] };
}

type Open = Extract<RunStep, { phase: 'open' }>;

function heard(state: RunState, step: Open, event: RoundEvent, answers: Answers): RunState {
  const rules = rulesOf(step.stage, state.settings, step.round.invited.length);
  return { ...state, step: { ...step, answers, round: advance(step.round, event, rules) } };
}

/** A stage with its times as a clock tells them that was set by so much. */
function shifted(step: RunStep, byMs: number): RunStep {
  if (step.phase === 'ended') return step;
  if (step.phase === 'waiting') return { ...step, sinceMs: step.sinceMs + byMs };
  const at = (answer: Answer) => (answer.accepted ? { ...answer, atMs: answer.atMs + byMs } : answer);
  const answers = Object.fromEntries(Object.entries(step.answers).map(([id, answer]) => [id, at(answer)]));
  const { round } = step;
  const moved = {
    answers,
    openedMs: step.openedMs + byMs,
    round: round.phase === 'open' ? { ...round, deadlineMs: round.deadlineMs + byMs } : round,
  };
  return step.phase === 'making'
    ? { ...step, ...moved, closedMs: step.closedMs + byMs }
    : { ...step, ...moved };
}

/** The step as the clock left it: who missed the deadline is known from here on. */
function ticked(state: RunState, step: Open, nowMs: number): Open {
  const rules = rulesOf(step.stage, state.settings, step.round.invited.length);
  return { ...step, round: advance(step.round, { kind: 'tick', nowMs }, rules) };
}

const making = (state: RunState, step: Open, contributors: string[], closedMs: number): RunState => ({
  ...state,
  step: { ...step, phase: 'making', contributors, closedMs },
});

function made(state: RunState, step: Extract<RunStep, { phase: 'making' }>, atMs: number): RunState {
  if (step.stage.kind === 'init') return follow(state, step.stage, atMs);
  const record = trainedRecord(step, atMs, state);
  const spent = withStage(state.spent, record.perDevice);
  return follow({ ...state, records: recorded(state.records, record), spent }, step.stage, atMs);
}

function failed(state: RunState, step: Exclude<RunStep, { phase: 'ended' }>, reason: string, atMs: number) {
  const { stage } = step;
  const cohort = step.phase === 'waiting' ? undefined : step;
  const kept = step.phase === 'open' ? remember(state, step) : state;
  if (stage.kind === 'init') {
    const initFailures = [...kept.initFailures, reason];
    return { ...kept, initFailures, step: { phase: 'waiting' as const, stage, sinceMs: atMs } };
  }
  if (stage.kind === 'evaluate') return follow(kept, stage, atMs);
  const record = failedRecord(stage.round, cohort, reason, atMs, state);
  const next: Stage = { kind: 'train', round: stage.round + 1 };
  return {
    ...kept,
    records: recorded(kept.records, record),
    spent: withStage(kept.spent, record.perDevice),
    step: { phase: 'waiting' as const, stage: next, sinceMs: atMs },
  };
}

function evaluated(state: RunState, step: Open, atMs: number): RunState {
  const score = meanScore(step.answers);
  const { round } = step.stage;
  const records = state.records.map((r) => (r.round === round ? withEvaluation(r, step, score, atMs) : r));
  const scored = round === 0 ? { before: score } : { after: score };
  const spent = round === 0 ? state.spent : withStage(state.spent, stageCosts(step));
  return follow(remember({ ...state, records, spent, ...scored }, step), step.stage, atMs);
}

/** The stage after one that ended well. */
function follow(state: RunState, { kind, round }: Stage, sinceMs: number): RunState {
  const stage: Stage =
    kind === 'evaluate' ? { kind: 'train', round: round + 1 } : { kind: 'evaluate', round };
  return { ...state, step: { phase: 'waiting', stage, sinceMs } };
}

function remember(state: RunState, { stage, answers }: Cohort): RunState {
  return { ...state, recent: [...state.recent, { stage, answers }].slice(-recentStages) };
}
