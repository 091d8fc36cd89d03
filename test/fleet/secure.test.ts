import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { builtinModel } from '../../cli/builtin-model.js';
import { dealText } from '../../cli/dealing.js';
import { readDemoSettings } from '../../cli/demo-settings.js';
import { writeDeviceFolder } from '../../cli/fleet.js';
import { watchRuns } from '../../cli/run-watch.js';
import { Supervisor } from '../../cli/supervisor.js';
import { authorityFiles } from '../../identity/authority.js';
import { revoke } from '../../identity/revocation.js';
import { entry } from '../cli/command.js';
import { makeTestAuthority } from '../identity/authority-rig.js';
import { fleetName, modelMissing, runFlags } from './fleet.js';

test('a fleet of processes with certificates trains; a board that is revoked is out, and the next run goes on', {
  skip: modelMissing ?? false,
}, async (t) => {
  const { authority, bundle } = await makeTestAuthority(t);
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-secure-'));
  const logs = join(folder, 'logs');
  const supervisor = new Supervisor({ entry, logs });
  t.after(async () => {
    await supervisor.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const start = (name: string, ...argv: string[]) =>
    supervisor.start({ name, argv: () => argv, leavesFirst: argv[0] === 'device' });

  const crl = join(authority.folder, authorityFiles.crl);
  const server = ['--tls', await bundle('broker', 'server'), '--crl', crl];
  const { port } = await start('broker', 'broker', '--port', '0', '--ws-port', '-1', ...server);
  const broker = `mqtts://127.0.0.1:${port}`;
  const reach = ['--broker', broker, '--fleet', fleetName, '--tls'];
  const main = await bundle('coordinator', 'main');
  await start('coordinator', 'coordinator', ...reach, main, '--runs', join(folder, 'runs'));
  const { devices, run } = await dealt();
  await Promise.all(
    devices.map(async (part, i) => {
      const id = `device-${i + 1}`;
      const made = await writeDeviceFolder(id, join(folder, id), part);
      const own = [
        '--id',
        id,
        '--model',
        builtinModel,
        '--data',
        join(made.folder, 'train.jsonl'),
        '--threads',
        '1',
      ];
      const state = ['--state', join(folder, id, 'state'), '--no-power'];
      await start(id, 'device', ...reach, await bundle('device', id), ...own, ...state);
    }),
  );

  const waiting = new Map<string, () => void>();
  const tls = await bundle('operator', 'ana');
  const watch = await watchRuns({ broker, fleet: fleetName, connectS: 10, tls }, ({ presences }) => {
    for (const [id, { online }] of presences) if (!online) waiting.get(id)?.();
  });
  t.after(() => watch.operator.close());
  const participants = async (id: string, minDevices: number) => {
    await watch.start({ id, settings: { ...run, evaluationExamples: 0, rounds: 1, minDevices } });
    const { state, reason, rounds } = await watch.ended(id);
    assert.equal(state, 'completed', reason);
    return rounds[0]!.participants;
  };
  assert.deepEqual(await participants('all', 3), ['device-1', 'device-2', 'device-3']);

  const away = new Promise<void>((resolve) => waiting.set('device-2', resolve));
  await revoke(authority, 'device-2', Date.now());
  await away;
  assert.deepEqual(await participants('without', 2), ['device-1', 'device-3']);
  assert.match(await readFile(join(logs, 'broker.log'), 'utf8'), /certificate of \\"device-2\\": revoked/);
});

async function dealt() {
  const settings = readDemoSettings(runFlags, { name: 'test', summary: '' }, {});
  return { devices: (await dealText(settings)).devices, run: settings.run };
}
