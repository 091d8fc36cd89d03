import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finished } from '../../device/journal.js';
import { type DeviceState, stepFor } from '../../device/task-state.js';
import type { TaskKey } from '../../schemas/messages.js';
import { taskOf } from './fixtures.js';

const finishedOf = (key: Partial<TaskKey> = {}): Finished => ({
  key: taskOf(key).key,
  baseSha256: taskOf().baseSha256,
  sha256: 'c'.repeat(64),
  totalBytes: 1,
  settled: false,
});
const idle: DeviceState = { phase: 'idle' };
const working = (key: Partial<TaskKey> = {}): DeviceState => ({ phase: 'working', task: taskOf(key) });
const offering = (key: Partial<TaskKey> = {}): DeviceState => ({
  phase: 'offering',
  finished: finishedOf(key),
});

test('an idle device works on what it is told', () => {
  assert.equal(stepFor(idle, undefined, taskOf()), 'work');
  assert.equal(stepFor(idle, finishedOf({ round: 0 }), taskOf()), 'work');
});

test('a second copy of the task in hand changes nothing', () => {
  assert.equal(stepFor(working(), undefined, taskOf()), 'ignore');
});

test('a task that was finished is offered again, not done again', () => {
  assert.equal(stepFor(offering(), finishedOf(), taskOf()), 'offer');
  assert.equal(stepFor(idle, { ...finishedOf(), settled: true }, taskOf()), 'offer');
});

test('a task from before the finished one came late: it is not done again', () => {
  for (const state of [idle, working({ run: 'r2' })]) {
    assert.equal(stepFor(state, finishedOf({ round: 2 }), taskOf()), 'ignore');
    assert.equal(stepFor(state, finishedOf({ kind: 'evaluate' }), taskOf()), 'ignore');
    assert.equal(stepFor(state, finishedOf({ run: 'r0', round: 9 }), taskOf()), 'work');
  }
});

test('the same task from another adapter is another task', () => {
  const other = taskOf({}, { baseSha256: 'e'.repeat(64) });
  assert.equal(stepFor(working(), undefined, other), 'work');
  assert.equal(stepFor(idle, finishedOf(), other), 'work');
});

test('a later task of the run takes the place of the one in hand, an earlier one does not', () => {
  for (const state of [working(), offering()]) {
    assert.equal(stepFor(state, finishedOf(), taskOf({ round: 2 })), 'work');
    assert.equal(stepFor(state, finishedOf(), taskOf({ kind: 'evaluate' })), 'work');
    assert.equal(stepFor(state, finishedOf(), taskOf({ round: 0, kind: 'evaluate' })), 'ignore');
  }
  assert.equal(stepFor(working({ run: 'r0', round: 9 }), undefined, taskOf()), 'work');
});

test('a cancel stops what is done for its run, unless a later round has begun', () => {
  const cancel = taskOf({ kind: 'cancel' });
  assert.equal(stepFor(working(), undefined, cancel), 'stop');
  assert.equal(stepFor(offering(), finishedOf(), cancel), 'stop');
  assert.equal(stepFor(working({ round: 2 }), undefined, cancel), 'ignore');
  assert.equal(stepFor(working({ run: 'r2' }), undefined, cancel), 'ignore');
  assert.equal(stepFor(idle, finishedOf(), cancel), 'ignore');
});

test('a run that was restored from a backup is gone through again, and what was told before is late', () => {
  const restored = taskOf({}, { term: 1 });
  for (const state of [idle, working({ round: 3 }), offering({ round: 3 })]) {
    assert.equal(stepFor(state, finishedOf({ round: 3 }), restored), 'work');
    assert.equal(stepFor(state, { ...finishedOf({ round: 3 }), term: 2 }, restored), 'ignore');
  }
  const again: DeviceState = { phase: 'working', task: restored };
  assert.equal(stepFor(again, undefined, taskOf({ round: 3 })), 'ignore');
  assert.equal(stepFor(idle, finishedOf(), restored), 'offer', 'what it made of the same is the same');
});
