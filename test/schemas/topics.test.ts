import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchTopic, type TopicMatch, topicsOf } from '../../schemas/topics.js';

const fleet = 'default';
const device = 'board-1';
const run = 'run-1_a';
const topics = topicsOf(fleet);
const built: [string, TopicMatch][] = [
  [topics.presence(device), { kind: 'presence', fleet, device }],
  [topics.task(device), { kind: 'task', fleet, device }],
  [topics.update(device, 12), { kind: 'update', fleet, device, round: 12 }],
  [topics.receipt(device), { kind: 'receipt', fleet, device }],
  [topics.telemetry(device), { kind: 'telemetry', fleet, device }],
  [topics.telemetryReceipt(device), { kind: 'telemetryReceipt', fleet, device }],
  [topics.manifest(run, 3), { kind: 'manifest', fleet, run, version: 3 }],
  [topics.adapterChunk(run, 3, 40), { kind: 'adapterChunk', fleet, run, version: 3, index: 40 }],
  [topics.roundsStart, { kind: 'roundsStart', fleet }],
  [topics.roundsStop, { kind: 'roundsStop', fleet }],
  [topics.roundsStatus, { kind: 'roundsStatus', fleet }],
  [topics.roundsResult, { kind: 'roundsResult', fleet }],
  [topics.roundsRefused, { kind: 'roundsRefused', fleet }],
  [topics.roundsCoordinator, { kind: 'roundsCoordinator', fleet }],
];

test('every built topic matches back to what it was built from', () => {
  for (const [topic, match] of built) assert.deepEqual(matchTopic(topic), match, topic);
});

test('a topic with a level more, less, empty or changed is none of ours', () => {
  for (const [topic] of built) {
    const levels = topic.split('/');
    const others = [
      `${topic}/`,
      `${topic}/x`,
      `/${topic}`,
      levels.slice(0, -1).join('/'),
      ...levels.map((_, i) => levels.with(i, '').join('/')),
      ...levels.map((_, i) => levels.with(i, '+').join('/')),
      ...[0, 1, 3].map((i) => levels.with(i, `${levels[i]}x`).join('/')),
    ];
    for (const other of others) assert.equal(matchTopic(other), undefined, other);
  }
});

test('names that a file system or broker treats specially match nothing', () => {
  for (const bad of [
    '..',
    '.',
    'a b',
    'a.b',
    '-a',
    '#',
    '$SYS',
    'a\u0000',
    'ü',
    'a'.repeat(65),
    '__proto__',
  ]) {
    assert.equal(matchTopic(topics.presence(bad)), undefined, bad);
    assert.equal(matchTopic(topicsOf(bad).roundsStart), undefined, bad);
    assert.equal(matchTopic(topics.manifest(bad, 1)), undefined, bad);
  }
  for (const kind of ['toString', '__proto__', 'constructor'])
    assert.equal(matchTopic(`fleetune/v1/f/rounds/${kind}`), undefined, kind);
});

test('numbers in topics are whole, not negative and of at most nine digits', () => {
  for (const bad of ['-1', '1.5', '1e3', '0x1', ' 1', '', '1234567890']) {
    assert.equal(matchTopic(`fleetune/v1/f/devices/d/update/${bad}`), undefined, bad);
    assert.equal(matchTopic(`fleetune/v1/f/adapters/r.${bad}/manifest`), undefined, bad);
    assert.equal(matchTopic(`fleetune/v1/f/adapters/r.1/chunk/${bad}`), undefined, bad);
  }
});
