import assert from 'node:assert/strict';
import { test } from 'node:test';
import { announced, type PresenceTable, removed } from '../../coordinator/presence.js';
import type { Presence } from '../../schemas/messages.js';

const presence = (session: number, online: boolean, deviceId = 'a'): Presence => ({
  deviceId,
  session,
  online,
  modelSha256: 'm',
  trainExamples: 1,
  evaluationExamples: 1,
  version: '1',
  problem: '',
});
const table = (...all: Presence[]) =>
  all.reduce<PresenceTable>((t, p) => announced(t, p, 2), new Map<string, Presence>());

test('a death of the same session is believed', () => {
  assert.equal(table(presence(5, true), presence(5, false)).get('a')?.online, false);
});

test('a will of an older session is stale: the device has come back since', () => {
  const back = table(presence(5, true), presence(6, true));
  assert.equal(announced(back, presence(5, false), 2), back);
});

test('a device comes back with a newer session', () => {
  assert.equal(table(presence(5, false), presence(6, true)).get('a')?.online, true);
});

test('no more than the limit of names is taken up', () => {
  const full = table(presence(1, true, 'a'), presence(1, true, 'b'));
  assert.equal(announced(full, presence(1, true, 'c'), 2), full);
  assert.equal(announced(full, presence(2, false, 'b'), 2).get('b')?.online, false);
});

test('a cleared presence is forgotten', () => {
  const one = table(presence(1, true));
  assert.equal(removed(one, 'a').size, 0);
  assert.equal(removed(one, 'b'), one);
});
