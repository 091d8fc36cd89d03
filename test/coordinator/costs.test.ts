import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maxParts, recorded } from '../../coordinator/record.js';
import { fittedJson, roundPoint, statusOf, summaryOf } from '../../coordinator/report.js';
import type { RunEntry } from '../../coordinator/run.js';
import { measurements } from '../../schemas/measurements.js';
import type { Measures } from '../../schemas/messages.js';
import type { RoundRecord, RunSummary } from '../../schemas/status.js';
import { closed, evaluate, init, made, measures, opened, sha, stateOf } from './entries.js';

const acceptedAt = (deviceId: string, atMs: number, bytes: number, more: Partial<Measures>): RunEntry => ({
  ...{ kind: 'accepted', deviceId, sha256: sha, atMs, bytes },
  measures: measures(more),
});
const closedAt = (atMs: number, ...contributors: string[]): RunEntry => ({
  kind: 'closed',
  atMs,
  contributors,
});

/**
 * Round 1, opened at 10 s. a: an AGX Orin on WiFi with a sensor; b: a board without one, and without a profile.
 * Evaluation opened at 60 s.
 */
const trained: RunEntry[] = [
  opened({ kind: 'train', round: 1 }, ['a', 'b', 'c'], 10_000),
  // 30 s at work, 20 s of it computing; 5 s later it is here: T_comm 5 s.
  acceptedAt('a', 45_000, 2_000_000, {
    ...{ tokens: 6_000, seconds: 20, bytesDown: 0, workS: 30, link: 'wifi' },
    ...{ joules: 800, watts: 40, idleWatts: 8, powerSource: 'ina3221' },
    ...{ flops: 1.6e12, peakGflops: 400, peakSource: 'table' }, // 80 GFLOP/s of 400.
  }),
  // 22 s at work, 2 s of it the download; 28 s have passed: T_comm 28 − 22 + 2 = 8 s.
  acceptedAt('b', 38_000, 2_000_000, {
    ...{ tokens: 2_000, seconds: 16, bytesDown: 1_000_000, workS: 22, downS: 2 },
    ...{ flops: 0.8e12, peakGflops: 100, peakSource: 'measured' }, // 50 GFLOP/s of 100.
  }),
  { kind: 'refused', deviceId: 'c', sha256: sha, reason: 'NaN', atMs: 46_000 },
  closedAt(46_000, 'a', 'b'),
  made(1, 48_500),
];
const scored: RunEntry[] = [
  opened({ kind: 'evaluate', round: 1 }, ['a', 'b'], 60_000),
  // 9 s at work, 3 s of it the download, and 10 s have passed: T_comm 4 s.
  acceptedAt('a', 70_000, 500, {
    ...{ seconds: 4, tokens: 0, bytesDown: 500_000, workS: 9, downS: 3, link: 'wifi' },
    ...{ joules: 100, watts: 25, idleWatts: 10, powerSource: 'ina3221' },
  }),
  acceptedAt('b', 64_000, 500, { seconds: 2, tokens: 0, bytesDown: 0, workS: 3.5 }), // T_comm 0.5 s
  closedAt(71_000, 'a', 'b'),
];
const before = [...init, ...evaluate(0)];
const near = (value: number | null | undefined, expected: number) =>
  assert.ok(Math.abs(value! / expected - 1) < 1e-9, `${value}, expected ${expected}`);

test('the costs of a round, by hand', () => {
  const { records } = stateOf([...before, ...trained, ...scored]);
  const round = records[0]!;
  assert.deepEqual([round.trainS, round.aggregateS, round.evaluateS, round.seconds], [35, 2.5, 11, 49.5]);
  assert.deepEqual([round.tokens, round.joules], [8_000, 900]);
  near(round.tokensPerJoule, 6_000 / 800); // b's tokens cost nobody knows what.
  near(round.idleJoules, 8 * (800 / 40) + 10 * (100 / 25)); // 20 s at 8 W, 4 s at 10 W
  near(round.joulesPerMb, 900 / 2.5005); // a's 2 MB and 500 B up, 0.5 MB down.
  near(round.networkJoules, (8 * 331.7 * 2_500_500) / 1e9); // 6.6 J; b has no profile.
  // a: (20 + 4) / (5 + 4); b: (16 + 2) / (8 + 0.5)
  near(round.granularity, (24 / 9 + 18 / 8.5) / 2);
  assert.deepEqual([round.computeS, round.transferS], [21, 8.75]);
  near(round.mfu, 2.4e12 / (20 * 400e9 + 16 * 100e9)); // 0.25: of what both could have done
  near(round.perDevice?.a?.mfu, 0.2);
  near(round.perDevice?.b?.mfu, 0.5);
});

test('a device’s part has what it measured and nothing else', () => {
  const { perDevice } = stateOf([...before, ...trained, ...scored]).records[0]!;
  assert.deepEqual(Object.keys(perDevice!), ['a', 'b']);
  const { b } = perDevice!;
  assert.deepEqual(b, {
    ...{ examples: 1, tokens: 2_000, loss: 2, seconds: 16, flops: 0.8e12, mfu: 0.5, evaluationS: 2 },
    ...{ bytesUp: 2_000_500, bytesDown: 1_000_000, transferS: 8.5, granularity: 18 / 8.5 },
  });
});

test('where nobody measures, every figure is null, and the point leaves it out', () => {
  const plain = [
    opened({ kind: 'train', round: 1 }, ['a'], 0),
    acceptedAt('a', 500, 10, {}),
    closed('a'),
    made(1),
  ];
  const state = stateOf([...before, ...plain]);
  const { tokens, joules, idleJoules, networkJoules, tokensPerJoule, joulesPerMb, ...rest } =
    state.records[0]!;
  assert.deepEqual([tokens, joules, idleJoules, networkJoules], [10, null, null, null]);
  assert.deepEqual([tokensPerJoule, joulesPerMb, rest.granularity, rest.mfu], [null, null, null, null]);
  assert.deepEqual([rest.computeS, rest.transferS, rest.evaluateS], [null, null, null]);
  const { fields } = roundPoint(state.records[0]!, 'r', 'f', 0);
  assert.ok(Object.values(fields).every(Number.isFinite));
  assert.ok(!('joules' in fields || 'mfu' in fields || 'granularity' in fields || 'evaluate_s' in fields));
});

test('joules of a model are told apart', () => {
  const modelled = trained.map((entry) =>
    entry.kind === 'accepted' && entry.deviceId === 'b'
      ? { ...entry, measures: { ...entry.measures, joules: 50, watts: 5, powerSource: 'estimate' } }
      : entry,
  );
  const { joules, estimatedJoules } = stateOf([...before, ...modelled]).records[0]!;
  assert.deepEqual([joules, estimatedJoules], [850, 50]);
});

test('idle joules stand beside joules only where all that measure these know those', () => {
  const half = trained.map((entry) =>
    entry.kind === 'accepted' && entry.deviceId === 'b'
      ? { ...entry, measures: { ...entry.measures, joules: 5, watts: 1 } }
      : entry,
  );
  const round = stateOf([...before, ...half]).records[0]!;
  assert.deepEqual([round.joules, round.idleJoules], [805, null]);
});

test('the coordinator’s own downtime is no communication', () => {
  const [open, a, ...rest] = trained;
  const away: RunEntry = { kind: 'resumed', atMs: 40_000, downtimeMs: 3_000 };
  const transferS = (entries: RunEntry[]) =>
    stateOf([...before, ...entries]).records[0]!.perDevice!.a!.transferS;
  assert.equal(transferS([open!, a!, ...rest]), 5);
  assert.equal(transferS([open!, away, a!, ...rest]), 2);
});

test('the point of a round has every field of the table, and its stragglers', () => {
  const state = stateOf([...before, ...trained, ...scored]);
  const scoredRecord = { ...state.records[0]!, rougeL: 20 };
  const { fields, tags } = roundPoint(scoredRecord, 'r', 'f', 7);
  assert.deepEqual(Object.keys(fields).sort(), Object.keys(measurements.round.fields).sort());
  assert.deepEqual(tags, { fleet: 'f', run: 'r' });
  const { closed: isClosed, invited, participants, stragglers, joules_per_token } = fields;
  assert.deepEqual([isClosed, invited, participants, stragglers], [1, 3, 2, 1]);
  near(joules_per_token, 800 / 6_000);
});

test('of a long run of many devices the oldest rounds keep their sums alone', () => {
  const parts = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`d${i}`, { bytesUp: 1, bytesDown: 1 }]));
  const record = { ...stateOf([...before, ...trained]).records[0]!, perDevice: parts(maxParts / 2) };
  const rounds = [1, 2, 3].reduce<RoundRecord[]>((all, round) => recorded(all, { ...record, round }), []);
  assert.deepEqual(
    rounds.map(({ round, perDevice, joules }) => [round, perDevice !== undefined, joules]),
    [
      [1, false, 800],
      [2, true, 800],
      [3, true, 800],
    ],
  );
});

test('a round of more devices than are kept has them until the next: its evaluation adds to them', () => {
  const many = Object.fromEntries(
    Array.from({ length: maxParts + 1 }, (_, i) => [`d${i}`, { bytesUp: 1, bytesDown: 1 }]),
  );
  const record = { ...stateOf([...before, ...trained]).records[0]!, perDevice: many };
  assert.equal(recorded([], record)[0]!.perDevice, many);
  const next = recorded([record], { ...record, round: 2 });
  assert.deepEqual(
    next.map(({ perDevice }) => perDevice !== undefined),
    [false, true],
  );
});

test('the summary has the run’s costs and each device’s; a status leaves the devices out', () => {
  const later = (entries: RunEntry[]) =>
    entries.map((entry) => ({
      ...entry,
      atMs: entry.atMs + 100_000,
      ...(entry.kind === 'opened' ? { stage: { ...entry.stage, round: 2 } } : {}),
      ...(entry.kind === 'made' ? { version: 2 } : {}),
    }));
  const rounds = [...before, ...trained, ...scored, ...later(trained), ...later(scored)];
  const ended: RunEntry = { kind: 'ended', atMs: 300_000, state: 'completed', reason: '' };
  const summary = summaryOf(stateOf([...rounds, ended]));
  assert.deepEqual([summary.costs.tokens, summary.costs.joules], [16_000, 1800]);
  near(summary.costs.tokensPerJoule, 7.5);
  near(summary.costs.joulesPerMb, 900 / 2.5005);
  near(summary.costs.granularity, (24 / 9 + 18 / 8.5) / 2);
  assert.equal(summary.rounds[1]?.perDevice?.a?.joules, 800);
  const { a, b } = summary.perDevice!;
  assert.deepEqual(
    [a?.joules, a?.evaluationJoules, a?.tokens, b?.tokens, b?.joules],
    [1600, 200, 12_000, 4_000, undefined],
  );
  near(a?.mfu, 0.2);
  near(a?.granularity, 24 / 9);
  const whole = JSON.stringify(summary).length;
  assert.deepEqual(
    JSON.parse(fittedJson(summary, 'rounds', whole + 10)),
    JSON.parse(JSON.stringify(summary)),
  );
  const fitted = JSON.parse(fittedJson(summary, 'rounds', whole - 10)) as RunSummary;
  assert.deepEqual(
    [fitted.rounds.length, fitted.perDevice, fitted.rounds[1]?.perDevice],
    [2, undefined, undefined],
  );
  assert.deepEqual(fitted.costs, summary.costs);
  const { history } = statusOf(stateOf(rounds), '');
  assert.deepEqual([history.length, history[0]?.perDevice, history[0]?.joules], [2, undefined, 900]);
});
