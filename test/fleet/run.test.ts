import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { connectClient } from '../../broker/client.js';
import { childrenOf, peakRssBytes, rssBytes } from '../../cli/memory.js';
import { summarizeSettings } from '../../cli/summarize.js';
import { parseAdapterConfig } from '../../schemas/peft.js';
import type { RunSummary } from '../../schemas/status.js';
import { decodeSafetensors } from '../../schemas/tensors.js';
import { fleetune } from '../cli/command.js';
import {
  completed,
  filesBelow,
  linesIn,
  modelMissing,
  readSafe,
  startRun,
  training,
  withFleet,
} from './fleet.js';

const idleLimitBytes = 100e6;
const trainerIdleS = 2;
const settleLimitMs = 45_000;
const skip = modelMissing ?? false;
let undisturbed: RunSummary | undefined;

test('a fleet of real processes trains together: the loss falls and no text leaves a device', {
  skip,
}, async () => {
  await withFleet(
    async (fleet) => {
      const { broker, folder, supervisor, text, until } = fleet;
      for (const [name, pid] of supervisor.processes())
        if (name.startsWith('device'))
          assert.ok(peakRssBytes(pid)! < idleLimitBytes, `${name} is idle with ${peakRssBytes(pid)} bytes`);

      const payloads: Buffer[] = [];
      const listener = await connectClient(
        { url: broker, clientId: 'listener', username: 'operator', connectS: 5, maxPacketBytes: 2 ** 20 },
        {
          connected: (client) => client.subscribe(['#']),
          message: (topic, payload) => void payloads.push(Buffer.from(topic), Buffer.from(payload)),
        },
      );
      await startRun(fleet, 'calm');
      undisturbed = await completed(fleet, 'calm');
      await listener.stop();
      const limitMs = Date.now() + settleLimitMs;
      for (const [name, pid] of supervisor.processes()) {
        if (!name.startsWith('device')) continue;
        // Looked at whenever a device sends telemetry: the trainer goes when it has had no job for a while.
        await until(() => childrenOf(pid).length === 0 || Date.now() > limitMs);
        assert.deepEqual(childrenOf(pid), [], `${name} is idle and has a trainer`);
        assert.ok(rssBytes(pid)! < idleLimitBytes, `${name} is idle with ${rssBytes(pid)} bytes`);
      }

      const { before, after, rounds, run, adapter } = undisturbed;
      assert.ok(after!.loss < before!.loss, `loss ${before!.loss} → ${after!.loss}`);
      assert.deepEqual(
        rounds.map(({ participants, bytesUp, bytesDown }) => [participants, bytesUp > 0, bytesDown > 0]),
        rounds.map(() => [['device-1', 'device-2', 'device-3'], true, true]),
      );
      const runFolder = join(folder, 'runs', run);
      assert.deepEqual(JSON.parse(await readFile(join(runFolder, 'summary.json'), 'utf8')), undisturbed);

      const bytes = await readFile(join(runFolder, adapter!.path, 'adapter_model.safetensors'));
      assert.equal(createHash('sha256').update(bytes).digest('hex'), adapter!.sha256);
      assert.ok(decodeSafetensors(bytes, 'adapter').size > 0);
      const config = await readFile(join(runFolder, adapter!.path, 'adapter_config.json'), 'utf8');
      assert.equal(parseAdapterConfig(config, 'adapter').rank, 4);

      const heard = Buffer.concat(payloads);
      assert.ok(heard.length > 100_000, 'updates and adapters were heard');
      assert.deepEqual(linesIn(heard, text), []);
      const files = await filesBelow(
        folder,
        (path) => path.endsWith('.jsonl') && path.includes('/devices/') && !path.includes('/state/'),
      );
      assert.ok(
        files.some((path) => path.endsWith('device-1.log')) && files.some((path) => path.includes('journal')),
      );
      for (const path of files) assert.deepEqual(linesIn(await readSafe(path), text), [], path);
      const shard = await readFile(join(fleet.devices[0]!.folder, 'train.jsonl'));
      assert.ok(
        linesIn(Buffer.from(JSON.parse(shard.toString().split('\n')[0]!).dialogue), text).length > 0,
        'the search finds',
      );

      const { maxTargetTokens } = summarizeSettings;
      assert.ok(maxTargetTokens.default > 8);
      const told = await fleetune(
        ['summarize', '--adapter', join(runFolder, adapter!.path), '--max-target-tokens', '8'],
        text[0]!.source,
      );
      assert.deepEqual([told.code, told.err], [0, '']);
      assert.match(told.out, /\S.*\n$/);
    },
    { trainerIdleS },
  );
});

test('a coordinator killed in mid-round is restarted, and the result is the same to the bit', {
  skip,
}, async () => {
  await withFleet(async (fleet) => {
    const { supervisor, died, until } = fleet;
    await startRun(fleet, 'stormy');
    await until(training(1));
    process.kill(supervisor.processes().get('coordinator')!, 'SIGKILL');
    const summary = await completed(fleet, 'stormy');
    assert.deepEqual(died, ['coordinator ended by SIGKILL']);
    assert.deepEqual(
      summary.rounds.map(({ participants }) => participants.length),
      [3, 3],
    );
    assert.equal(summary.adapter!.sha256, undisturbed!.adapter!.sha256);
    assert.deepEqual(summary.after, undisturbed!.after);
  });
});

test('a device killed in mid-round is missed, and the round ends by its rule', { skip }, async () => {
  await withFleet(
    async (fleet) => {
      const { supervisor, until } = fleet;
      await startRun(fleet, 'two-left', { rounds: 1, deadlineS: 15, quorum: 0.6 });
      await until(training(1));
      process.kill(supervisor.processes().get('device-2')!, 'SIGKILL');
      const { rounds } = await completed(fleet, 'two-left');
      assert.deepEqual(rounds[0]!.participants, ['device-1', 'device-3']);
      assert.equal(rounds[0]!.state, 'closed');
      assert.match(rounds[0]!.refused['device-2'] ?? '', /./);
    },
    { keepDead: 'device-2' },
  );
});
