import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commonModel, readyFor, select, unfit } from '../../coordinator/selection.js';
import type { Presence } from '../../schemas/messages.js';

const ids = Array.from({ length: 45 }, (_, i) => `board-${i}`);
const presence = (deviceId: string, more: Partial<Presence> = {}): Presence => ({
  deviceId,
  session: 1,
  online: true,
  modelSha256: 'm',
  trainExamples: 1,
  evaluationExamples: 0,
  version: '1',
  problem: '',
  ...more,
});

test('a cohort depends on the set of ready devices, the seed and the round, not on their order', () => {
  const share = { devices: 0, fraction: 0.2 };
  const cohort = select(ids, 7, 3, share);
  assert.equal(cohort.length, 9);
  assert.deepEqual(select([...ids].reverse(), 7, 3, share), cohort);
  assert.notDeepEqual(select(ids, 7, 4, share), cohort);
  assert.notDeepEqual(select(ids, 8, 3, share), cohort);
});

test('a count goes before a fraction, and is at most those that are ready', () => {
  assert.equal(select(ids, 1, 1, { devices: 5, fraction: 1 }).length, 5);
  assert.equal(select(['a', 'b'], 1, 1, { devices: 5, fraction: 1 }).length, 2);
});

test('a fraction invites at least one device, and none where none is ready', () => {
  assert.equal(select(['a', 'b'], 1, 1, { devices: 0, fraction: 0.001 }).length, 1);
  assert.deepEqual(select([], 1, 1, { devices: 0, fraction: 1 }), []);
});

test('over many rounds every device has its turn about equally often', () => {
  const counts = new Map(ids.map((id) => [id, 0]));
  for (let round = 1; round <= 1000; round++)
    for (const id of select(ids, 1, round, { devices: 9, fraction: 1 })) counts.set(id, counts.get(id)! + 1);
  for (const count of counts.values()) assert.ok(count > 130 && count < 270, `${count} turns of 1000`);
});

test('a device that is away, has a problem or another base model is not ready', () => {
  const devices = [
    presence('a'),
    presence('b', { online: false }),
    presence('c', { problem: 'no text' }),
    presence('d', { modelSha256: 'other' }),
  ];
  assert.deepEqual(
    readyFor(devices, 'm').map((d) => d.deviceId),
    ['a'],
  );
  assert.deepEqual(
    devices.map((d) => unfit(d, 'm')),
    ['', '', 'no text', 'another base model (other…)'],
  );
});

test('a new run has the base model that most ready devices have, of equals the first by name', () => {
  assert.equal(commonModel([]), '');
  const [a, b, c] = ['x', 'y', 'y'].map((modelSha256, i) => presence(`d${i}`, { modelSha256 }));
  assert.equal(commonModel([a!, b!, c!]), 'y');
  assert.equal(commonModel([b!, a!]), 'x');
  assert.equal(commonModel([a!, b!, { ...c!, problem: 'broken' }]), 'x');
});
