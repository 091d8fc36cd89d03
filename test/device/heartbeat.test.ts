import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startHeartbeat } from '../../device/heartbeat.js';
import type { Point } from '../../schemas/messages.js';
import { Events } from '../broker/rig.js';

test('a device says at once, and again and again, how it stands', async () => {
  const points = new Events<Point>();
  const condition = {
    version: '1.2.3',
    ready: true,
    problem: '',
    busy: true,
    trainExamples: 7,
    waitingUpdates: 1,
  };
  const heartbeat = startHeartbeat(
    () => condition,
    5,
    (written) => written.forEach(points.add),
  );
  assert.equal(points.all.length, 1);
  await points.count(3);
  heartbeat.stop();
  const [{ measurement, tags, fields }] = points.all as [Point];
  assert.deepEqual([measurement, tags], ['device', { version: '1.2.3' }]);
  const { uptime_s, ...rest } = fields;
  assert.ok(uptime_s! >= 0);
  assert.deepEqual(rest, { up: 1, ready: 1, busy: 1, train_examples: 7, waiting_updates: 1 });
});
