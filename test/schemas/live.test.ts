import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Figures, type LiveSource, snapshotOf } from '../../schemas/live.js';
import type { Presence } from '../../schemas/messages.js';
import type { FleetStatus } from '../../schemas/status.js';

const status = (change: Partial<FleetStatus> = {}): FleetStatus => ({
  ...{ format: 1, state: 'training', run: 'r', trigger: null, round: 2, rounds: 3 },
  ...{ invited: ['a', 'b', 'c'], received: ['c'], deadlineAt: null, note: '', before: null },
  ...{ history: [], startedAt: null },
  ...change,
});

const presence = (deviceId: string, change: Partial<Presence> = {}): Presence => ({
  ...{ deviceId, session: 1, online: true, modelSha256: '', trainExamples: 1, evaluationExamples: 1 },
  ...{ version: '1', problem: '' },
  ...change,
});

function source(presences: Presence[], figures: Record<string, Figures>, said?: FleetStatus): LiveSource {
  return {
    ...{ fleet: 'home', connected: true, coordinating: true, status: said },
    presences: new Map(presences.map((one) => [one.deviceId, one])),
    newest: { of: (id) => figures[id] ?? {}, losses: () => [] },
  };
}

const all = { devices: 100, rounds: 100 };

test('each device is in the state that presence and round give it', () => {
  const devices = [
    ...[presence('a'), presence('b', { problem: 'no text' }), presence('c'), presence('d')],
    presence('e', { online: false, problem: 'no text' }),
  ];
  const states = (said: FleetStatus | undefined) =>
    snapshotOf(source(devices, {}, said), 0, all).devices.map(({ state }) => state);
  assert.deepEqual(states(status()), ['training', 'unfit', 'done', 'ready', 'away']);
  assert.deepEqual(states(status({ state: 'evaluating' })), ['evaluating', 'unfit', 'done', 'ready', 'away']);
  assert.deepEqual(states(status({ state: 'waiting', received: [] })), [
    'ready',
    'unfit',
    'ready',
    'ready',
    'away',
  ]);
  assert.deepEqual(states(undefined), ['ready', 'unfit', 'ready', 'ready', 'away']);
});

test('figures of a step are shown only in the round that is open, of the board only while the device is there', () => {
  const step = { step: 1, steps: 2, loss: 2, tokensPerS: 10 };
  const devices = [presence('a'), presence('b'), presence('z', { online: false })];
  const figures = { a: { round: 2, ...step, watts: 5 }, b: { round: 1, ...step, watts: 5 }, z: { watts: 9 } };
  const { devices: shown, totals } = snapshotOf(source(devices, figures, status()), 0, all);
  assert.deepEqual(
    shown.map(({ figures }) => [figures.step, figures.watts]),
    [
      [1, 5],
      [undefined, 5],
      [undefined, undefined],
    ],
  );
  assert.deepEqual([totals.tokensPerS, totals.watts, totals.sensed], [10, 10, 2]);
});

test('the fleet’s tokens per joule are told only where every device that trains tells its watts', () => {
  const step = { round: 2, step: 1, steps: 2, tokensPerS: 30 };
  const per = (figures: Record<string, Figures>) =>
    snapshotOf(source([presence('a'), presence('b')], figures, status()), 0, all).totals.tokensPerJoule;
  assert.equal(per({ a: { ...step, watts: 10 }, b: { ...step, watts: 5 } }), 4);
  assert.equal(per({ a: { ...step, watts: 10 }, b: step }), null);
  assert.equal(per({ a: { ...step, watts: 0 } }), null);
  assert.equal(per({}), null);
});

test('of too many devices those at work are shown, in the order of their names, and the others counted', () => {
  const away = Array.from({ length: 5 }, (_, i) => presence(`0${i}`, { online: false }));
  const devices = [...away, presence('c'), presence('unfit', { problem: 'x' }), presence('a'), presence('b')];
  const shown = snapshotOf(source(devices, {}, status()), 0, { devices: 4, rounds: 1 });
  assert.deepEqual(
    shown.devices.map(({ id }) => id),
    ['a', 'b', 'c', 'unfit'],
  );
  assert.equal(shown.notShown, 5);
  assert.equal(shown.totals.devices, 9);
});
