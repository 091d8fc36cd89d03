import type { Measures } from '../schemas/messages.js';
import type { RoundRecord, Score } from '../schemas/status.js';
import type { Answers, Cohort } from './run.js';
import { inOrder } from './selection.js';

/** What a round came to, from what its devices measured. Pure. Numbers that nobody measured are null. */

/** Means over all evaluated examples: loss by label tokens, ROUGE by examples; null when nobody evaluated. */
export function meanScore(answers: Answers): Score | null {
  const all = accepted(answers).map(([, { measures }]) => measures);
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
  cohort: Cohort,
  contributors: readonly string[],
  atMs: number,
  adapter: { version: number; sha256: string },
): RoundRecord {
  const { round, stage, answers } = cohort;
  const trained = accepted(answers).map(([, { measures }]) => measures);
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
    ...costs(cohort, atMs),
    ...shortages(answers),
  };
}

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
    ...costs(cohort, atMs),
  };
}

/** A closed round with the score after it; its costs count too. */
export function withEvaluation(
  record: RoundRecord,
  cohort: Cohort,
  score: Score | null,
  atMs: number,
): RoundRecord {
  const { bytesUp, bytesDown, joules, seconds } = costs(cohort, atMs);
  return {
    ...record,
    ...shortages(cohort.answers, record.outOfMemory),
    evalLoss: score?.loss ?? null,
    rougeL: score?.rougeL ?? null,
    bytesUp: record.bytesUp + bytesUp,
    bytesDown: record.bytesDown + bytesDown,
    seconds: record.seconds + seconds,
    joules: record.joules === null && joules === null ? null : (record.joules ?? 0) + (joules ?? 0),
  };
}

function costs(cohort: Cohort, atMs: number) {
  const all = accepted(cohort.answers);
  const sensed = all.filter(([, { measures }]) => measures.joules !== undefined);
  return {
    bytesUp: sum(all, ([, answer]) => answer.bytes),
    bytesDown: sum(all, ([, { measures }]) => measures.bytesDown),
    seconds: (atMs - cohort.openedMs) / 1000,
    joules: sensed.length === 0 ? null : sum(sensed, ([, { measures }]) => measures.joules ?? 0),
  };
}

/** Where memory was short, in training before evaluation. */
function shortages(
  answers: Answers,
  before: RoundRecord['outOfMemory'] = {},
): Pick<RoundRecord, 'outOfMemory'> {
  const found = accepted(answers).flatMap(
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
  joules: null,
  version,
  sha256,
});

type Accepted = Extract<Answers[string], { accepted: true }>;

/** In order of names, so that sums do not depend on who answered first. */
function accepted(answers: Answers): [string, Accepted][] {
  return inOrder(Object.keys(answers)).flatMap((id): [string, Accepted][] => {
    const answer = answers[id]!;
    return answer.accepted ? [[id, answer]] : [];
  });
}

function mean(
  all: Measures[],
  value: (m: Measures) => number,
  weight: (m: Measures) => number,
): number | null {
  const weights = sum(all, weight);
  return weights > 0 ? sum(all, (m) => value(m) * weight(m)) / weights : null;
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
