import assert from 'node:assert/strict';
import { test } from 'node:test';
import { covers, may, maySubscribe, type Peer } from '../../broker/access.js';
import { type Role, roles } from '../../schemas/roles.js';
import { topicsOf } from '../../schemas/topics.js';

const t = topicsOf('default');
const peer = (role: Role, local = false): Peer => ({ role, id: 'board-1', clientId: 'board-1', local });

/** Who may publish to a topic and who may read it; every role that is not named may not. */
const expected: [topic: string, publishers: Role[], readers: Role[]][] = [
  [t.presence('board-1'), ['device'], ['coordinator', 'operator', 'viewer']],
  [t.presence('board-2'), [], ['coordinator', 'operator', 'viewer']],
  [t.task('board-1'), ['coordinator'], ['device']],
  [t.task('board-2'), ['coordinator'], []],
  [t.update('board-1', 3), ['device'], ['coordinator']],
  [t.update('board-2', 3), [], ['coordinator']],
  [t.receipt('board-1'), ['coordinator'], ['device']],
  [t.receipt('board-2'), ['coordinator'], []],
  [t.telemetry('board-1'), ['device'], ['coordinator', 'operator', 'viewer']],
  [t.telemetry('board-2'), [], ['coordinator', 'operator', 'viewer']],
  [t.telemetryReceipt('board-1'), ['coordinator'], ['device']],
  [t.telemetryReceipt('board-2'), ['coordinator'], []],
  [t.manifest('run-1', 2), ['coordinator'], [...roles]],
  [t.adapterChunk('run-1', 2, 0), ['coordinator'], [...roles]],
  [t.roundsStart, ['operator'], ['coordinator']],
  [t.roundsStop, ['operator'], ['coordinator']],
  [t.roundsStatus, ['coordinator'], ['coordinator', 'operator', 'viewer']],
  [t.roundsResult, ['coordinator'], ['coordinator', 'operator', 'viewer']],
  [t.roundsRefused, ['coordinator'], ['coordinator', 'operator', 'viewer']],
  [t.roundsCoordinator, ['coordinator'], ['coordinator', 'operator', 'viewer']],
  ['fleetune/v1/default/devices/board-1/other', [], []],
  ['fleetune/v2/default/rounds/start', [], []],
  ['elsewhere', [], []],
  ['$SYS/x', [], []],
];

test('each role may publish and read just what the table of topics says', () => {
  for (const [topic, publishers, readers] of expected) {
    for (const role of roles) {
      assert.equal(
        may(peer(role), 'publish', topic),
        publishers.includes(role),
        `${role} publishes ${topic}`,
      );
      assert.equal(maySubscribe(peer(role), topic), readers.includes(role), `${role} reads ${topic}`);
    }
  }
});

test('being on this machine gives nobody more to publish', () => {
  for (const [topic, publishers] of expected)
    for (const role of roles)
      assert.equal(may(peer(role, true), 'publish', topic), publishers.includes(role));
});

test('a filter is allowed only where all that it matches is', () => {
  const allowed: [Role, string][] = [
    ['coordinator', t.allPresence],
    ['coordinator', t.allUpdates],
    ['coordinator', t.allTelemetry],
    ['coordinator', 'fleetune/v1/+/devices/+/presence'],
    ['viewer', t.allPresence],
    ['operator', t.allTelemetry],
    ['device', t.allManifests],
    ['device', t.allAdapterChunks],
    ['device', 'fleetune/v1/default/adapters/run-1.2/chunk/+'],
    ['device', t.updates('board-1').replace('update/+', 'task')],
  ];
  for (const [role, filter] of allowed) assert.ok(maySubscribe(peer(role), filter), `${role} ${filter}`);
  const everyRole = [
    '#',
    '+/#',
    'fleetune/#',
    t.everything,
    'fleetune/v1/+/devices/board-1/#',
    '+',
    '$SYS/#',
    '',
  ];
  for (const role of roles)
    for (const filter of everyRole) assert.ok(!maySubscribe(peer(role), filter), `${role} ${filter}`);
  const refused: [Role, string][] = [
    ['device', t.allPresence],
    ['device', 'fleetune/v1/default/devices/+/task'],
    ['device', 'fleetune/v1/default/devices/board-1/+'],
    ['device', t.updates('board-1')],
    ['device', 'fleetune/v1/default/adapters/+/#'],
    ['viewer', t.allUpdates],
    ['viewer', 'fleetune/v1/default/devices/+/+'],
    ['viewer', 'fleetune/v1/default/rounds/+'],
    ['coordinator', 'fleetune/v1/default/devices/+/task'],
  ];
  for (const [role, filter] of refused) assert.ok(!maySubscribe(peer(role), filter), `${role} ${filter}`);
});

test('an operator on this machine may listen to everything but the broker’s own topics', () => {
  for (const filter of ['#', t.everything, t.allUpdates, t.task('board-2')])
    assert.ok(maySubscribe(peer('operator', true), filter), filter);
  assert.ok(!maySubscribe(peer('operator', true), '$SYS/#'));
  for (const role of ['device', 'coordinator', 'viewer'] as const)
    assert.ok(!maySubscribe(peer(role, true), '#'), role);
});

test('a pattern covers a filter level by level', () => {
  const yes = [
    ['a/+/c', 'a/b/c'],
    ['a/+/c', 'a/+/c'],
    ['+', 'a'],
  ];
  const no = [
    ['a/+/c', 'a/#'],
    ['a/+', 'a/#'],
    ['a/b', 'a/+'],
    ['a/+', 'a/b/c'],
    ['a/+', 'a'],
    ['a', '+'],
    ['+', '#'],
  ];
  for (const [pattern, filter] of yes) assert.ok(covers(pattern!, filter!), `${pattern} ${filter}`);
  for (const [pattern, filter] of no) assert.ok(!covers(pattern!, filter!), `${pattern} ${filter}`);
});
