import assert from 'node:assert/strict';
import { test } from 'node:test';
import { advance, openRound, quorumOf, type Round, type RoundEvent } from '../../coordinator/round.js';

const rules = { needed: 2 };
const open = openRound(['a', 'b', 'c'], 1000, rules);
const accepted = (deviceId: string): RoundEvent => ({ kind: 'accepted', deviceId });
const failed = (deviceId: string, reason = 'NaN'): RoundEvent => ({ kind: 'failed', deviceId, reason });
const tick = (nowMs: number): RoundEvent => ({ kind: 'tick', nowMs });
const after = (events: RoundEvent[], from: Round = open) =>
  events.reduce((round, event) => advance(round, event, rules), from);

test('a round is open until all have answered, then closes at once', () => {
  const two = after([accepted('c'), accepted('a')]);
  assert.equal(two.phase, 'open');
  assert.deepEqual(after([accepted('b')], two), {
    phase: 'closed',
    invited: ['a', 'b', 'c'],
    received: ['c', 'a', 'b'],
    failed: {},
  });
});

test('a second copy of an update changes nothing', () => {
  const once = after([accepted('a')]);
  assert.equal(after([accepted('a')], once), once);
});

test('an update of a device that was not invited changes nothing', () => {
  assert.equal(after([accepted('z'), failed('z')]), open);
});

test('a device that failed stays failed, one that was received stays received', () => {
  const once = after([failed('a'), accepted('b')]);
  assert.equal(after([accepted('a'), failed('a', 'again'), failed('b')], once), once);
});

test('a failed device is not waited for', () => {
  const round = after([failed('a', 'NaN'), accepted('b'), accepted('c')]);
  assert.equal(round.phase, 'closed');
  assert.deepEqual(round.failed, { a: 'NaN' });
});

test('a round fails at once when those who are left can’t make the quorum', () => {
  const round = after([failed('a', 'NaN'), failed('b', 'no text')]);
  assert.equal(round.phase, 'failed');
  assert.match(
    round.phase === 'failed' ? round.reason : '',
    /0 of 3 devices answered, 2 needed; a: NaN; b: no text/,
  );
});

test('at the deadline a round with quorum closes with those received', () => {
  const two = after([accepted('a'), accepted('b')]);
  assert.equal(after([tick(999)], two), two);
  const round = after([tick(1000)], two);
  assert.equal(round.phase, 'closed');
  assert.deepEqual(round.received, ['a', 'b']);
  assert.deepEqual(round.failed, { c: 'no answer by the deadline' });
});

test('at the deadline a round without quorum fails with its reason', () => {
  const round = after([accepted('a'), tick(1000)]);
  assert.equal(round.phase, 'failed');
  assert.match(
    round.phase === 'failed' ? round.reason : '',
    /1 of 3 devices answered, 2 needed; b: no answer by/,
  );
});

test('a coordinator’s downtime moves the deadline', () => {
  const round = after([{ kind: 'resumed', downtimeMs: 500 }]);
  assert.equal(after([tick(1499)], round).phase, 'open');
  assert.equal(after([tick(1500)], round).phase, 'failed');
});

test('a cancelled round fails with the reason given', () => {
  const round = after([{ kind: 'cancelled', reason: 'stopped' }]);
  assert.deepEqual(round, {
    phase: 'failed',
    invited: ['a', 'b', 'c'],
    received: [],
    failed: {},
    reason: 'stopped',
  });
});

test('nothing changes a round that is over', () => {
  const events = [accepted('a'), failed('b'), tick(9e9), { kind: 'cancelled', reason: 'x' } as const];
  const resumed = { kind: 'resumed', downtimeMs: 5 } as const;
  for (const over of [after([accepted('a'), accepted('b'), accepted('c')]), after([tick(1000)])])
    for (const event of [...events, resumed]) assert.equal(advance(over, event, rules), over);
});

test('a round that needs nobody closes with whatever came', () => {
  const none = { needed: 0 };
  assert.equal(openRound([], 1000, none).phase, 'closed');
  const one = openRound(['a'], 1000, none);
  assert.equal(advance(one, tick(1000), none).phase, 'closed');
  assert.equal(advance(one, failed('a'), none).phase, 'closed');
});

test('a quorum is the share of the invited, rounded up, and at least one device', () => {
  const counts = [
    [0.5, 3, 2],
    [0.5, 4, 2],
    [0, 3, 1],
    [1, 3, 3],
    [0.1, 30, 3],
    [0.7, 10, 7],
  ];
  for (const [quorum, invited, needed] of counts) assert.equal(quorumOf(quorum!, invited!), needed);
});
