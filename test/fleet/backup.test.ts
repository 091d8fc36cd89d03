import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fleetune } from '../cli/command.js';
import { completed, fleetName, modelMissing, startRun, training, withFleet } from './fleet.js';

test('a fleet whose coordinator is lost goes on from a backup, though its devices had gone further, to the same bits', {
  skip: modelMissing ?? false,
}, async () => {
  await withFleet(
    async (fleet) => {
      const { broker, folder, supervisor, until } = fleet;
      await startRun(fleet, 'calm');
      const calm = await completed(fleet, 'calm');

      await startRun(fleet, 'lost');
      await until(training(1));
      // Until it goes on, the round waits for it.
      const device = supervisor.processes().get('device-3')!;
      process.kill(device, 'SIGSTOP');
      const [file, runs] = [join(folder, 'monday.backup'), join(folder, 'runs')];
      const backup = await fleetune(['backup', file, '--runs', runs]);
      assert.deepEqual([backup.code, backup.err], [0, '']);
      assert.match(backup.out, /: 2 runs, of which \S+ goes on; \d+ files, .*\nsha256 [0-9a-f]{64}\n$/);
      process.kill(device, 'SIGCONT');
      await until(training(2));
      process.kill(supervisor.processes().get('coordinator')!, 'SIGKILL');
      await rm(runs, { recursive: true });

      const restored = await fleetune(['restore', file, '--runs', runs]);
      assert.deepEqual([restored.code, restored.err], [0, '']);
      assert.match(restored.out, /: 2 runs as of \S+; \S+ goes on when the coordinator is started\n$/);
      const again = await fleetune(['restore', file, '--runs', runs]);
      assert.equal(again.code, 1);
      assert.match(again.err, /^fleetune: the runs folder \(--runs\) .* holds .*: give an empty one\n$/);
      const argv = ['coordinator', '--broker', broker, '--fleet', fleetName, '--runs', runs];
      await supervisor.start({ name: 'coordinator-2', argv: () => argv });
      const lost = await completed(fleet, 'lost');
      assert.equal(lost.adapter!.sha256, calm.adapter!.sha256);
      assert.deepEqual(lost.after, calm.after);
      assert.deepEqual(
        lost.rounds.map(({ participants }) => participants.length),
        [3, 3],
      );
    },
    { keepDead: 'coordinator' },
  );
});
