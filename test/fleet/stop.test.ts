import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completed, modelMissing, startRun, training, withFleet } from './fleet.js';

const deadlineS = 600;

test('services that are told to stop in mid-round leave nothing to wait for', {
  skip: modelMissing ?? false,
}, async () => {
  await withFleet(
    async (fleet) => {
      const { supervisor, died, until } = fleet;
      await startRun(fleet, 'calm', { deadlineS });
      const calm = await completed(fleet, 'calm');

      await startRun(fleet, 'coordinator-stops', { deadlineS });
      await until(training(1));
      process.kill(supervisor.processes().get('coordinator')!, 'SIGTERM');
      const resumed = await completed(fleet, 'coordinator-stops');
      assert.deepEqual(died, ['coordinator ended with exit code 0']);
      assert.equal(resumed.adapter!.sha256, calm.adapter!.sha256, 'the same to the bit');

      await startRun(fleet, 'device-restarts', { deadlineS });
      await until(training(1));
      process.kill(supervisor.processes().get('device-1')!, 'SIGTERM');
      const restarted = await completed(fleet, 'device-restarts');
      assert.equal(died.at(-1), 'device-1 ended with exit code 0');
      assert.equal(restarted.adapter!.sha256, calm.adapter!.sha256, 'it did its task after all');

      await startRun(fleet, 'device-stops', { deadlineS, rounds: 1, quorum: 0.6, steps: 40 });
      await until(training(1));
      process.kill(supervisor.processes().get('device-2')!, 'SIGTERM');
      const { rounds } = await completed(fleet, 'device-stops');
      assert.equal(died.at(-1), 'device-2 ended with exit code 0');
      assert.deepEqual(rounds[0]!.participants, ['device-1', 'device-3']);
      assert.deepEqual(rounds[0]!.refused, {
        'device-2': 'the device was stopped',
      });
      assert.ok(rounds[0]!.seconds < deadlineS / 2, `${rounds[0]!.seconds} s`);
    },
    { keepDead: 'device-2' },
  );
});
