import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connectClient } from '../../broker/client.js';
import { coordinatorSettings, start } from '../../coordinator/main.js';
import { Refusal } from '../../schemas/refusal.js';
import { requireSettings } from '../../schemas/settings.js';
import { topicsOf } from '../../schemas/topics.js';
import { Fleet, until } from './fleet.js';
import { fleet } from './scripted-device.js';

const script = fileURLToPath(new URL('./coordinator-process.js', import.meta.url));

test('the service drives a run with what its settings say of runs, and stops in time', async (t) => {
  const made = await Fleet.start(t);
  await made.device({ id: 'a', step: 1, examples: 1 });
  const raw = { broker: made.url, fleet, runs: made.folder, settleS: 0, rounds: 1, optimizer: 'fedavgm' };
  const service = await start(requireSettings(coordinatorSettings, raw, 'test'));
  try {
    await made.trigger();
    const { settings, state } = await made.result();
    assert.deepEqual([settings.rounds, settings.optimizer, state], [1, 'fedavgm', 'completed']);
    await until(() => made.status?.state === 'idle', 'idle');
    const second = start(requireSettings(coordinatorSettings, raw, 'test'));
    await assert.rejects(second, /runs folder \(--runs\).*in use by process/);
  } finally {
    await service.stop();
  }
});

test('the fleet hears whether its coordinator is there: killed, started again, told to stop', async (t) => {
  const made = await Fleet.start(t);
  const raw = { broker: made.url, fleet, runs: made.folder };
  const said = (online: boolean) => until(() => made.coordinating.at(-1) === online, `online: ${online}`);
  const child = fork(script, [JSON.stringify(raw)], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  await said(true);
  child.kill('SIGKILL');
  await said(false);
  const service = await start(requireSettings(coordinatorSettings, raw, 'test'));
  made.atEnd(() => service.stop());
  await said(true);
  // The will of a connection that the broker gives up after the coordinator is back.
  const other = { url: made.url, username: 'coordinator', connectS: 10, maxPacketBytes: 2 ** 20 };
  const late = await connectClient(
    { ...other, clientId: 'coordinator-before' },
    { connected() {}, message() {} },
  );
  made.atEnd(() => late.stop());
  await late.publish(topicsOf(fleet).roundsCoordinator, '{"format":1,"online":false}', { retain: true });
  await until(() => made.coordinating.length >= 5, 'what it is answered with');
  await service.stop();
  await said(false);
  assert.deepEqual(made.coordinating, [true, false, true, false, true, false]);
});

test('a coordinator says that another one came into its fleet', async (t) => {
  const made = await Fleet.start(t);
  await made.coordinator();
  await made.coordinator();
  const told = () => made.warnings.filter((warning) => /another coordinator/.test(warning));
  await until(() => told().length > 0, 'a warning');
  assert.equal(told().length, 1); // The one that was there hears the other; neither warns of itself.
});

const bad: [string, (folder: string) => Record<string, unknown>, RegExp][] = [
  [
    'an unwritable runs folder',
    (folder) => ({ runs: join(folder, 'file', 'runs') }),
    /runs folder \(--runs\).*file\/runs/,
  ],
  [
    'an unreachable broker',
    (runs) => ({ runs, broker: 'mqtt://127.0.0.1:1', connectS: 1 }),
    /127\.0\.0\.1:1 .*broker/,
  ],
  ['a bad schedule', (runs) => ({ runs, cron: 'every day' }), /cron: "every day"/],
  [
    'an unknown time zone without a schedule',
    (runs) => ({ runs, timeZone: 'Mars/North' }),
    /timeZone: "Mars\/North"/,
  ],
  [
    'an unknown time zone',
    (runs) => ({ runs, cron: '@daily', timeZone: 'Mars/North' }),
    /timeZone: "Mars\/North"/,
  ],
  [
    'a chunk that fits no packet',
    (runs) => ({ runs, chunkBytes: 2 ** 17, maxPacketBytes: 2 ** 17 }),
    /chunkBytes: 131072 .*maxPacketBytes 131072, expected at most 130048/,
  ],
  ['settings that no task can carry', (runs) => ({ runs, loraTargets: 'q/v' }), /lora\.targets/],
];
for (const [what, raw, message] of bad)
  test(`${what} is refused in words that say what to do`, async (t) => {
    const made = await Fleet.start(t);
    await writeFile(join(made.folder, 'file'), '');
    await assert.rejects(
      start(requireSettings(coordinatorSettings, raw(made.folder), 'test')),
      (e) => e instanceof Refusal && message.test(e.message) && e.message.split('\n').length <= 2,
    );
  });
