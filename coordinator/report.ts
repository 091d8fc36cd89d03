import { pointOf } from '../schemas/measurements.js';
import type { Point } from '../schemas/messages.js';
import { type FleetStatus, type RoundRecord, type RunSummary, stragglersOf } from '../schemas/status.js';
import { totalsOf } from './costs.js';
import { withoutDevices } from './record.js';
import type { RunEntry, RunState } from './run.js';
import { inOrder } from './selection.js';

/** What the coordinator says about runs, as data: status, summary and the points of a round. Pure. */

const iso = (ms: number) => new Date(ms).toISOString();

/** @param note why the run waits */
export function statusOf(state: RunState, note: string): FleetStatus {
  const { step, settings, records } = state;
  const cohort = step.phase === 'open' || step.phase === 'making' ? step : undefined;
  const stage = step.phase === 'ended' ? undefined : step.stage;
  const last = records.at(-1);
  const failure = last?.state === 'failed' ? `round ${last.round} failed: ${last.reason}` : '';
  const words = { init: 'init', train: 'training', evaluate: 'evaluating' } as const;
  return {
    format: 1,
    state: stage ? (cohort ? words[stage.kind] : 'waiting') : 'idle',
    run: state.run,
    trigger: state.trigger.id || null,
    round: Math.min(stage?.round ?? records.length, settings.rounds),
    rounds: settings.rounds,
    invited: cohort ? [...cohort.round.invited] : [],
    received: cohort ? inOrder(cohort.round.received) : [],
    deadlineAt: cohort?.round.phase === 'open' ? iso(cohort.round.deadlineMs) : null,
    note: note || failure,
    before: state.before,
    history: records.map(withoutDevices),
    startedAt: iso(state.startedMs),
  };
}

/** Between runs: the last one's rounds stay to be seen. */
export function idleStatus(latest: RunSummary | null): FleetStatus {
  return {
    format: 1,
    state: 'idle',
    run: latest?.run ?? null,
    trigger: latest?.trigger.id || null,
    round: latest?.rounds.at(-1)?.round ?? 0,
    rounds: latest?.settings.rounds ?? 0,
    invited: [],
    received: [],
    deadlineAt: null,
    note: latest?.reason ?? '',
    before: latest?.before ?? null,
    history: (latest?.rounds ?? []).map(withoutDevices),
    startedAt: latest?.startedAt ?? null,
  };
}

/** @throws Error where the run has not ended: our own mistake */
export function summaryOf(state: RunState): RunSummary {
  const { step } = state;
  if (step.phase !== 'ended') throw new Error(`run ${state.run} has not ended`);
  const { version, sha256 } = state;
  return {
    format: 1,
    run: state.run,
    state: step.state,
    reason: step.reason,
    trigger: state.trigger,
    model: { sha256: state.modelSha256 },
    settings: state.settings,
    startedAt: iso(state.startedMs),
    endedAt: iso(step.atMs),
    before: state.before,
    after: state.after,
    rounds: [...state.records],
    costs: totalsOf(Object.values(state.spent)),
    perDevice: { ...state.spent },
    adapter: version < 0 ? null : { path: 'adapter', version, sha256 },
  };
}

/** The round's record that an entry of the journal completed: after its evaluation, or when it failed. */
export function completedRecord(before: RunState, after: RunState, entry: RunEntry): RoundRecord | undefined {
  const last = after.records.at(-1);
  if (last?.state === 'failed') return last === before.records.at(-1) ? undefined : last;
  const { step } = before;
  const evaluated = entry.kind === 'closed' && step.phase !== 'ended' && step.stage.kind === 'evaluate';
  return evaluated ? last : undefined;
}

/** JSON of a status or summary within a limit: first each device's part is left out, then the oldest rounds are. */
export function fittedJson<T extends object>(value: T, rounds: keyof T & string, maxBytes: number): string {
  const all = value[rounds] as RoundRecord[];
  const whole = JSON.stringify(value);
  if (Buffer.byteLength(whole) <= maxBytes) return whole;
  for (let kept = all.map(withoutDevices); ; kept = kept.slice(Math.ceil(kept.length / 2))) {
    const text = JSON.stringify({ ...value, perDevice: undefined, [rounds]: kept });
    if (Buffer.byteLength(text) <= maxBytes || kept.length === 0) return text;
  }
}

export function roundPoint(record: RoundRecord, run: string, fleet: string, timeMs: number): Point {
  const { tokensPerJoule } = record;
  const fields = {
    round: record.round,
    closed: Number(record.state === 'closed'),
    invited: record.invited.length,
    participants: record.participants.length,
    stragglers: stragglersOf(record).length,
    loss: record.trainLoss,
    eval_loss: record.evalLoss,
    rouge_l: record.rougeL,
    bytes_up: record.bytesUp,
    bytes_down: record.bytesDown,
    seconds: record.seconds,
    train_s: record.trainS,
    aggregate_s: record.aggregateS,
    evaluate_s: record.evaluateS,
    compute_s: record.computeS,
    transfer_s: record.transferS,
    tokens: record.tokens,
    joules: record.joules,
    estimated_joules: record.estimatedJoules,
    idle_joules: record.idleJoules,
    network_joules: record.networkJoules,
    tokens_per_joule: tokensPerJoule,
    joules_per_token: tokensPerJoule ? 1 / tokensPerJoule : null,
    joules_per_mb: record.joulesPerMb,
    granularity: record.granularity,
    mfu: record.mfu,
  };
  return pointOf('round', { fleet, run }, fields, timeMs);
}

/** What the log says of an entry: all but its numbers. */
export function facts(entry: RunEntry): Record<string, unknown> {
  if (entry.kind === 'accepted')
    return { device: entry.deviceId, bytes: entry.bytes, loss: entry.measures.loss };
  const { kind: _kind, atMs: _atMs, ...rest } = entry;
  return rest;
}
