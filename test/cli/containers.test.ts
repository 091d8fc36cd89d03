import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { brokerSettings, start as startBroker } from '../../broker/main.js';
import { requireSettings } from '../../schemas/settings.js';
import { makeTestAuthority } from '../identity/authority-rig.js';
import { entry, fleetune } from './command.js';

/** As a container does it: its Node is process 1 of a PID namespace of its own. */
const contain = ['--pid', '--fork', '--kill-child', '--mount-proc', '--'];
const skip = spawnSync('unshare', [...contain, 'true']).status === 0 ? false : 'unshare is not allowed here';

const contained = (argv: readonly string[]) =>
  spawn('unshare', [...contain, process.execPath, entry, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });

test('revocations in several containers at once all hold, also after one that was killed at it', {
  skip,
}, async (t) => {
  const { authority, bundle } = await makeTestAuthority(t);
  const ca = authority.folder;
  const names = Array.from({ length: 6 }, (_, i) => `d${i}`);
  for (const name of names) await bundle('device', name);
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  await writeFile(join(ca, 'lock'), `1 ${boot} 1 pid:[1] left\n`);
  await Promise.all(
    names.map(async (name) => {
      const child = contained(['revoke', name, '--ca', ca]);
      const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
      assert.equal(code, 0, err);
    }),
  );
  const listed = JSON.parse((await fleetune(['ca', 'list', '--ca', ca, '--json'])).out) as {
    state: string;
  }[];
  assert.deepEqual(new Set(listed.map(({ state }) => state)), new Set(['revoked']));
});

test('a runs folder has one coordinator, whatever container the second is in; what a kill leaves is taken over', {
  skip,
}, async (t) => {
  const runs = await mkdtemp(join(tmpdir(), 'fleetune-containers-'));
  t.after(() => rm(runs, { recursive: true, force: true }));
  const broker = await startBroker(requireSettings(brokerSettings, { port: 0, wsPort: -1 }, 'test'));
  t.after(() => broker.stop());
  const coordinate = () => {
    const child = contained(['coordinator', '--runs', runs, '--broker', `mqtt://127.0.0.1:${broker.port}`]);
    t.after(() => child.kill('SIGKILL'));
    return child;
  };
  const connected = async (child: ReturnType<typeof contained>) => {
    const told: string[] = [];
    for await (const line of createInterface({ input: child.stderr })) {
      told.push(line);
      if (JSON.parse(line).message === 'connected') return told;
    }
    throw new Error(`the coordinator ended: ${told.join('\n')}`);
  };
  const first = coordinate();
  await connected(first);
  const second = coordinate();
  const [err, [code]] = await Promise.all([text(second.stderr), once(second, 'close')]);
  assert.equal(code, 1);
  assert.match(err, /is in use by process 1 of another container: stop that coordinator/);
  const before = await readFile(join(runs, 'lock'), 'utf8');
  const ended = once(first, 'close');
  first.kill('SIGKILL'); // Its namespace goes with it.
  await ended;
  await connected(coordinate());
  assert.notEqual(await readFile(join(runs, 'lock'), 'utf8'), before);
});
