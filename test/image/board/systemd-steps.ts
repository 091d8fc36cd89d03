import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { boot } from './boot.js';
import { told } from './fleet.js';
import { bootableRoot } from './root.js';
import { completed } from './service-steps.js';
import type { Step, Workplace } from './workplace.js';

const bootedId = 'barn-2';
const unit = 'fleetune-device.service';
const limitS = 240;

export const bootBoard: Step = async (place) => {
  const { folder, cache, fleet } = place;
  const given = ['--data', join(folder, 'train.jsonl'), '--settings', join(folder, 'more.yaml')];
  const out = ['--out', join(folder, 'images'), '--cache', cache];
  await told('image', bootedId, '--claim', await fleet!.claim(bootedId), ...given, ...out);
  const root = join(folder, 'booted');
  cpSync(bootableRoot(cache), root, { recursive: true, verbatimSymlinks: true });
  execFileSync('tar', [
    '-xpf',
    join(folder, 'images', bootedId, 'overlay.tar'),
    '-C',
    root,
    '--numeric-owner',
  ]);
  // The sandbox has a /proc of its own, in which the emulation's processor must show too.
  const own = join(root, 'etc/systemd/system/fleetune-device.service.d');
  mkdirSync(own);
  writeFileSync(join(own, 'emulation.conf'), '[Service]\nBindReadOnlyPaths=/cpuinfo:/proc/cpuinfo\n');
  place.booted = await boot(root);
  place.ends.push(() => place.booted!.stop());
  await until(place, 'the service is active', () => property(place, 'ActiveState') === 'active');
  const listed = await fleet!.operate('devices');
  const line = listed.split('\n').find((text) => text.includes(bootedId));
  assert.match(line ?? '', /ready/, listed);
  return place.booted.run('systemctl', '--version').split('\n')[0];
};

export const trainInSandbox: Step = async (place) => {
  const pid = property(place, 'MainPID');
  const status = place.booted!.run('cat', `/proc/${pid}/status`);
  const facts = { NoNewPrivs: '1', Seccomp: '2', CapEff: '0000000000000000' };
  for (const [key, value] of Object.entries(facts))
    assert.match(status, new RegExp(`^${key}:\\s+${value}$`, 'm'));
  const mounts = place
    .booted!.run('cat', `/proc/${pid}/mountinfo`)
    .split('\n')
    .map((line) => line.split(' '));
  const rights = (path: string) => mounts.findLast(([, , , , at]) => at === path)?.[5]?.split(',')[0];
  assert.deepEqual([rights('/'), rights('/var/lib/fleetune')], ['ro', 'rw']);
  return completed(place, 'third', bootedId);
};

export const hang: Step = async (place) => {
  const { run } = place.booted!;
  const drop = '/run/systemd/system/fleetune-device.service.d';
  run('sh', '-c', `mkdir -p ${drop}; printf '[Service]\\nWatchdogSec=6\\n' > ${drop}/sooner.conf`);
  run('systemctl', 'daemon-reload');
  run('systemctl', 'restart', unit);
  const pid = property(place, 'MainPID');
  run('sh', '-c', `kill -STOP ${pid}`);
  await until(
    place,
    'it is active again',
    () => property(place, 'MainPID') !== pid && property(place, 'ActiveState') === 'active',
  );
  assert.equal(property(place, 'NRestarts'), '1');
  return `after ${property(place, 'WatchdogUSec')} of silence`;
};

export const stopUnit: Step = (place) => {
  place.booted!.run('systemctl', 'stop', unit);
  assert.equal(property(place, 'Result'), 'success');
  return undefined;
};

const property = ({ booted }: Workplace, name: string) =>
  booted!.run('systemctl', 'show', unit, '--property', name, '--value');

async function until({ booted }: Workplace, what: string, holds: () => boolean): Promise<void> {
  const endMs = performance.now() + limitS * 1000;
  const isSo = () => {
    try {
      return holds();
    } catch {
      return false; // systemd does not answer yet.
    }
  };
  while (!isSo()) {
    if (performance.now() > endMs)
      throw new Error(
        `not within ${limitS} s: ${what}\n${booted!.run('journalctl', '--no-pager', '-n', '40')}`,
      );
    await pause(500);
  }
}
