import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextStep, type Step } from '../../coordinator/plan.js';
import { apply, type RunEntry, replay } from '../../coordinator/run.js';
import { unmeasured } from '../../schemas/status.js';
import {
  accepted,
  begin,
  closed,
  device,
  evaluate,
  init,
  made,
  opened,
  refused,
  settingsOf,
  sha,
  stateOf,
  train,
  whereIs,
  world,
} from './entries.js';

test('a run goes init → evaluate 0 → train 1 → evaluate 1 → … → ended', () => {
  assert.deepEqual(whereIs(stateOf([])), ['waiting', { kind: 'init', round: 0 }]);
  assert.deepEqual(whereIs(stateOf(init.slice(0, 1))), ['open', { kind: 'init', round: 0 }]);
  assert.deepEqual(whereIs(stateOf(init.slice(0, 3))), ['making', { kind: 'init', round: 0 }]);
  assert.deepEqual(whereIs(stateOf(init)), ['waiting', { kind: 'evaluate', round: 0 }]);
  assert.deepEqual(whereIs(stateOf([...init, ...evaluate(0)])), ['waiting', { kind: 'train', round: 1 }]);
  const trained = [...init, ...evaluate(0), ...train(1)];
  assert.deepEqual(whereIs(stateOf(trained)), ['waiting', { kind: 'evaluate', round: 1 }]);
  const all = [...trained, ...evaluate(1), ...train(2), ...evaluate(2)];
  assert.deepEqual(whereIs(stateOf(all)), ['waiting', { kind: 'train', round: 3 }]);
  assert.deepEqual(nextStep(stateOf(all), world()), { do: 'end', state: 'completed', reason: '' });
});

test('replaying a journal entry by entry gives the state of replaying it at once', () => {
  const entries = [begin(), ...init, ...evaluate(0), ...train(1), ...evaluate(1)];
  for (let i = 1; i < entries.length; i++)
    assert.deepEqual(apply(replay(entries.slice(0, i)), entries[i]!), replay(entries.slice(0, i + 1)));
});

test('entries that are not of one run, in order, are our own mistake', () => {
  assert.throws(() => replay([]), /begins/);
  assert.throws(() => replay([...init]), /begins/);
  for (const entry of [accepted('a'), closed('a'), made(0), begin()])
    assert.throws(() => stateOf([entry]), /can't take/);
});

test('a round’s record weighs losses by label tokens and ROUGE by examples, and adds up its costs', () => {
  const { records, before, after } = stateOf([...init, ...evaluate(0), ...train(1), ...evaluate(1)]);
  assert.deepEqual(before, { loss: 2, rouge1: 20, rouge2: 2, rougeL: 25, examples: 4 });
  assert.deepEqual(after, before);
  const { perDevice, ...record } = records[0]!;
  assert.deepEqual([records.length, Object.keys(perDevice!)], [1, ['a', 'b']]);
  assert.deepEqual(record, {
    ...unmeasured,
    ...{ trainS: 0.3, aggregateS: 0.1, evaluateS: 2, tokens: 20 },
    ...{ tokensPerJoule: 10 / 7, joulesPerMb: 7 / 0.0022 },
    round: 1,
    state: 'closed',
    reason: '',
    invited: ['a', 'b'],
    participants: ['a', 'b'],
    refused: {},
    trainLoss: (2 * 5 + 4 * 15) / 20,
    evalLoss: 2,
    rougeL: 25,
    bytesUp: 4000,
    bytesDown: 400,
    seconds: (10_500 - 10_000 + (4000 - 2000)) / 1000,
    joules: 7,
    estimatedJoules: 0,
    version: 1,
    sha256: sha,
  });
});

test('a record says which device was short of memory, for which batch, and how it went on', () => {
  const outOfMemory = { rows: 8, source: 512, target: 96, microBatch: 4 };
  const [open, b, , ...rest] = train(1);
  const trained = [...init, ...evaluate(0), open!, b!, accepted('a', { outOfMemory }), ...rest];
  const { records } = stateOf([...trained, ...evaluate(1)]);
  assert.deepEqual(records[0]?.outOfMemory, { a: '8 × 512 × 96 tokens; done 4 at a time' });
});

test('the score after a run is of its last version, or none', () => {
  const trained = [...init, ...evaluate(0), ...train(1), ...evaluate(1), ...train(2)];
  const silent: RunEntry[] = [opened({ kind: 'evaluate', round: 2 }, ['a']), refused('a'), closed()];
  for (const last of [[closed()], silent]) assert.equal(stateOf([...trained, ...last]).after, null);
  const failed: RunEntry = { kind: 'failed', atMs: 4000, reason: 'no quorum' };
  const kept = stateOf([...init, ...evaluate(0), ...train(1), ...evaluate(1), failed]);
  assert.equal(kept.after?.loss, 2); // A round that fails leaves the version, and so its score.
});

test('joules are null where no device has a sensor', () => {
  const entries = train(1).map((e) => (e.kind === 'accepted' ? accepted(e.deviceId) : e));
  assert.equal(stateOf([...init, ...evaluate(0), ...entries]).records[0]!.joules, null);
});

test('a failed round keeps the version, is not evaluated, and the next one follows', () => {
  const entries = [...init, ...evaluate(0), opened({ kind: 'train', round: 1 }, ['a', 'b']), refused('a')];
  const state = stateOf([...entries, { kind: 'failed', atMs: 4000, reason: 'no quorum' }]);
  assert.deepEqual(whereIs(state), ['waiting', { kind: 'train', round: 2 }]);
  assert.deepEqual(
    [state.version, state.records[0]!.state, state.records[0]!.reason],
    [0, 'failed', 'no quorum'],
  );
  assert.deepEqual(state.records[0]!.refused, { a: 'NaN' });
  assert.equal(nextStep(state, world({ nowMs: 60_000 })).do, 'open');
  const stops = { ...state, settings: settingsOf({ onFailedRound: 'stop' }) };
  assert.deepEqual(nextStep(stops, world()), { do: 'end', state: 'failed', reason: 'round 1: no quorum' });
});

test('a run none of whose rounds succeeded has failed', () => {
  const failing = (round: number): RunEntry[] => [
    opened({ kind: 'train', round }, ['a']),
    { kind: 'failed', atMs: 4000, reason: `why ${round}` },
  ];
  const state = stateOf([...init, ...evaluate(0), ...failing(1), ...failing(2)]);
  const end = { do: 'end', state: 'failed', reason: 'no round succeeded; round 2: why 2' };
  assert.deepEqual(nextStep(state, world()), end);
});

test('version 0 is asked of one device, of another when that fails, and three failures end the run', () => {
  let state = stateOf([]);
  const asked: string[][] = [];
  for (let i = 0; i < 3; i++) {
    const step = nextStep(state, world({ nowMs: 60_000 }));
    assert.equal(step.do, 'open');
    if (step.do !== 'open') return;
    asked.push(step.invited);
    state = apply(state, { kind: 'opened', atMs: 60_000, ...step });
    state = apply(state, { kind: 'failed', atMs: 60_000, reason: `try ${i}` });
  }
  assert.deepEqual(asked[0], asked[2]);
  assert.notDeepEqual(asked[0], asked[1]);
  assert.deepEqual(asked.flat().length, 3);
  assert.match(
    (nextStep(state, world()) as { reason: string }).reason,
    /no device made the first adapter: try 2/,
  );
});

test('a run waits for minDevices, says who can’t take part, and fails after waitS', () => {
  const devices = [device('a'), device('b', { problem: 'no text' })];
  assert.deepEqual(nextStep(stateOf([]), world({ devices })), {
    do: 'wait',
    note: '1 of 2 devices are ready; b: no text',
  });
  const late = world({ devices, nowMs: 31_000 });
  const reason = '1 of 2 devices are ready; b: no text after 30 s (minDevices, waitS)';
  assert.deepEqual(nextStep(stateOf([]), late), { do: 'end', state: 'failed', reason });
  const waiting = stateOf([...init, ...evaluate(0)]);
  assert.deepEqual(nextStep(waiting, world({ devices, nowMs: 34_000 })), { do: 'fail', reason });
});

test('time without a broker does not count against waitS', () => {
  const away = world({ connectedForMs: null, nowMs: 90_000, devices: [] });
  assert.deepEqual(nextStep(stateOf([]), away), { do: 'wait', note: 'the broker is away' });
  assert.equal(nextStep(stateOf([]), { ...away, connectedForMs: 10_000 }).do, 'wait');
});

test('nothing opens before retained presences had time to come', () => {
  assert.equal(nextStep(stateOf([]), world({ connectedForMs: 500 })).do, 'wait');
  assert.equal(nextStep(stateOf([]), world({ connectedForMs: 1000 })).do, 'open');
});

test('a stage waits a little for the devices that it asked before', () => {
  const state = stateOf([...init, ...evaluate(0), ...train(1), ...evaluate(1)]);
  const alone = (nowMs: number) => nextStep(state, world({ devices: [device('a'), device('c')], nowMs }));
  assert.deepEqual(alone(8999), { do: 'wait', note: 'waiting for b' });
  const open = alone(9000);
  assert.deepEqual(open.do === 'open' && open.invited, ['a', 'c']);
});

test('an evaluation asks all ready devices that hold text back, and is passed over where none does', () => {
  const state = stateOf(init);
  const devices = [device('b'), device('a', { trainExamples: 0 }), device('c', { evaluationExamples: 0 })];
  const step = nextStep(state, world({ devices, nowMs: 60_000 }));
  assert.deepEqual(step.do === 'open' && [step.stage, step.invited], [
    { kind: 'evaluate', round: 0 },
    ['a', 'b'],
  ]);
  const none: Step = { do: 'close', contributors: [] };
  assert.deepEqual(nextStep(state, world({ devices: [devices[2]!], nowMs: 60_000 })), none);
  const passed = stateOf([...init, closed()]);
  assert.deepEqual([passed.before, whereIs(passed)], [null, ['waiting', { kind: 'train', round: 1 }]]);
});

test('a device without training text is not asked to train', () => {
  const devices = [device('a'), device('b'), device('c', { trainExamples: 0 })];
  const step = nextStep(stateOf([...init, ...evaluate(0)]), world({ devices, nowMs: 60_000 }));
  assert.deepEqual(step.do === 'open' && step.invited, ['a', 'b']);
});

test('a round closes at once when all have answered, and at its deadline otherwise', () => {
  const open = [...init, ...evaluate(0), opened({ kind: 'train', round: 1 }, ['a', 'b']), accepted('b')];
  assert.deepEqual(nextStep(stateOf(open), world({ nowMs: 61_999 })), { do: 'wait', note: '' });
  assert.deepEqual(nextStep(stateOf(open), world({ nowMs: 62_000 })), { do: 'close', contributors: ['b'] });
  assert.deepEqual(nextStep(stateOf([...open, accepted('a')]), world()), {
    do: 'close',
    contributors: ['a', 'b'],
  });
  const state = stateOf([...open, { kind: 'closed', atMs: 62_000, contributors: ['b'] }, made(1)]);
  assert.deepEqual(state.records[0]!.refused, { a: 'no answer by the deadline' });
});

test('downtime moves the deadline of what is open, and the patience of what waits', () => {
  const resumed: RunEntry = { kind: 'resumed', atMs: 9000, downtimeMs: 5000 };
  const open = stateOf([...init, ...evaluate(0), opened({ kind: 'train', round: 1 }, ['a', 'b']), resumed]);
  assert.equal(nextStep(open, world({ nowMs: 66_999 })).do, 'wait');
  assert.equal(nextStep(open, world({ nowMs: 67_000 })).do, 'fail');
  const waiting = stateOf([resumed]);
  assert.equal(nextStep(waiting, world({ devices: [], nowMs: 35_999 })).do, 'wait');
  assert.equal(nextStep(waiting, world({ devices: [], nowMs: 36_000 })).do, 'end');
});

test('a clock that was set moves all times of a stage', () => {
  const set: RunEntry = { kind: 'clockSet', atMs: 9000, byMs: -100_000 };
  const entries = [...init, ...evaluate(0), opened({ kind: 'train', round: 1 }, ['a', 'b']), accepted('a')];
  const before = stateOf(entries).step;
  const after = stateOf([...entries, set]).step;
  assert.ok(before.phase === 'open' && after.phase === 'open');
  assert.equal(after.openedMs, before.openedMs - 100_000);
  assert.ok(before.round.phase === 'open' && after.round.phase === 'open');
  assert.equal(after.round.deadlineMs, before.round.deadlineMs - 100_000);
  const [was, is] = [before.answers.a, after.answers.a];
  assert.ok(was?.accepted && is?.accepted && is.atMs === was.atMs - 100_000);
  const waiting = stateOf([set]).step;
  assert.ok(waiting.phase === 'waiting' && waiting.sinceMs < 0);
});

test('a stopped run keeps its version, and its open round failed', () => {
  const stop: RunEntry = { kind: 'ended', atMs: 4000, state: 'stopped', reason: 'enough' };
  const state = stateOf([...init, ...evaluate(0), ...train(1).slice(0, 2), stop]);
  assert.deepEqual(
    [state.version, state.records[0]!.state, state.records[0]!.reason],
    [0, 'failed', 'enough'],
  );
  assert.deepEqual(state.step, { phase: 'ended', state: 'stopped', reason: 'enough', atMs: 4000 });
});
