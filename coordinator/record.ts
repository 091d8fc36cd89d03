import type { Measures } from '../schemas/messages.js';
import { type DeviceCost, type RoundRecord, type Score, unmeasured } from '../schemas/status.js';
import { acceptedOf, stageCosts, sum, totalsOf, withStage } from './costs.js';
import type { Answers, Cohort, RunStep } from './run.js';
import { inOrder } from './selection.js';

/** What a round came to, from what its devices measured. Pure. Numbers that nobody measured are null. */

/** Means over all evaluated examples: loss by label tokens, ROUGE by examples; null when nobody evaluated. */
export function meanScore(answers: Answers): Score | null {
  const all = acceptedOf({ answers }).map(([, { measures }]) => measures);
  const loss = mean(
    all,
    (m) => m.loss,
    (m) => m.labelTokens,
  );
  if (loss === null) return null;
  const rouge = (key: 'rouge1' | 'rouge2' | 'rougeL') =>
    mean(
      all.filter((m) => m[key] !== undefined),
      (m) => m[key] ?? 0,
      (m) => m.examples,
    ) ?? 0;
  return {
    loss,
    rouge1: rouge('rouge1'),
    rouge2: rouge('rouge2'),
    rougeL: rouge('rougeL'),
    examples: sum(all, (m) => m.examples),
  };
}

export function trainedRecord(
  step: Extract<RunStep, { phase: 'making' }>,
  atMs: number,
  adapter: { version: number; sha256: string },
): RoundRecord {
  const { round, stage, answers, contributors, closedMs } = step;
  const trained = acceptedOf(step).map(([, { measures }]) => measures);
  return {
    ...blank(stage.round, adapter),
    state: 'closed',
    invited: inOrder(round.invited),
    participants: inOrder(contributors),
    refused: { ...round.failed },
    trainLoss: mean(
      trained,
      (m) => m.loss,
      (m) => m.labelTokens,
    ),
    ...costs(stageCosts(step)),
    trainS: answeredS(step),
    seconds: (atMs - step.openedMs) / 1000,
    aggregateS: (atMs - closedMs) / 1000,
    ...shortages(answers),
  };
}

/** Devices' parts that are kept in the records of a run. */
export const maxParts = 20_000;

/** All records, and of the newest each device's part: a long run of many devices holds no more than so many. */
export function recorded(records: readonly RoundRecord[], record: RoundRecord): RoundRecord[] {
  const all = [...records, record];
  let left = maxParts;
  for (let i = all.length - 1; i >= 0; i--) {
    const one = all[i]!;
    if (!one.perDevice) continue;
    left -= Object.keys(one.perDevice).length;
    // The newest keeps them all: its evaluation is still to be added.
    if (left < 0 && i < all.length - 1) all[i] = withoutDevices(one);
  }
  return all;
}

export const withoutDevices = ({ perDevice: _, ...record }: RoundRecord): RoundRecord => record;

/** @param cohort undefined when nobody was asked */
export function failedRecord(
  round: number,
  cohort: Cohort | undefined,
  reason: string,
  atMs: number,
  adapter: { version: number; sha256: string },
): RoundRecord {
  const record: RoundRecord = { ...blank(round, adapter), state: 'failed', reason };
  if (!cohort) return record;
  return {
    ...record,
    invited: inOrder(cohort.round.invited),
    refused: { ...cohort.round.failed },
    ...costs(stageCosts(cohort)),
    trainS: answeredS(cohort),
    seconds: (atMs - cohort.openedMs) / 1000,
  };
}

/** A closed round with the score after it; its costs count too. */
export function withEvaluation(
  record: RoundRecord,
  evaluation: Cohort,
  score: Score | null,
  atMs: number,
): RoundRecord {
  const seconds = (atMs - evaluation.openedMs) / 1000;
  return {
    ...record,
    ...shortages(evaluation.answers, record.outOfMemory),
    evalLoss: score?.loss ?? null,
    rougeL: score?.rougeL ?? null,
    ...costs(withStage(record.perDevice, stageCosts(evaluation))),
    seconds: record.seconds + seconds,
    evaluateS: seconds,
  };
}

function costs(perDevice: Record<string, DeviceCost>) {
  const all = Object.values(perDevice);
  return {
    bytesUp: sum(all, ({ bytesUp }) => bytesUp),
    bytesDown: sum(all, ({ bytesDown }) => bytesDown),
    ...totalsOf(all),
    perDevice,
  };
}

/** From the stage's opening to its last answer that counts. */
function answeredS(cohort: Cohort): number | null {
  const answered = acceptedOf(cohort).map(([, { atMs }]) => atMs);
  return answered.length === 0 ? null : (Math.max(...answered) - cohort.openedMs) / 1000;
}

/** Where memory was short, in training before evaluation. */
function shortages(
  answers: Answers,
  before: RoundRecord['outOfMemory'] = {},
): Pick<RoundRecord, 'outOfMemory'> {
  const found = acceptedOf({ answers }).flatMap(
    ([
      id,
      {
        measures: { outOfMemory: short },
      },
    ]) =>
      short
        ? [
            [
              id,
              `${short.rows} × ${short.source} × ${short.target} tokens; done ${short.microBatch} at a time`,
            ] as const,
          ]
        : [],
  );
  const all = { ...Object.fromEntries(found), ...before };
  return Object.keys(all).length === 0 ? {} : { outOfMemory: all };
}

const blank = (round: number, { version, sha256 }: { version: number; sha256: string }) => ({
  round,
  reason: '',
  invited: [],
  participants: [],
  refused: {},
  trainLoss: null,
  evalLoss: null,
  rougeL: null,
  bytesUp: 0,
  bytesDown: 0,
  seconds: 0,
  ...unmeasured,
  version,
  sha256,
});

function mean(
  all: Measures[],
  value: (m: Measures) => number,
  weight: (m: Measures) => number,
): number | null {
  const weights = sum(all, weight);
  return weights > 0 ? sum(all, (m) => value(m) * weight(m)) / weights : null;
}
