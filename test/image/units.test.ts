import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { bundleFiles } from '../../identity/bundle.js';
import { places } from '../../image/places.js';
import { backoffScript, firstBoot, units } from '../../image/units.js';

const folder = mkdtempSync(join(tmpdir(), 'fleetune-units-'));
after(() => rmSync(folder, { recursive: true }));

/** Key → values of a section of a unit. */
function section(text: string, name: string): Map<string, string[]> {
  const body = text.split(/^\[/m).find((part) => part.startsWith(`${name}]\n`)) ?? '';
  const found = new Map<string, string[]>();
  for (const line of body.split('\n').slice(1).filter(Boolean)) {
    const [key, ...value] = line.split('=');
    found.set(key!, [...(found.get(key!) ?? []), value.join('=')]);
  }
  return found;
}
const unit = (name: string) => units.find((one) => one.name === name)!.text;

for (const { name, text } of units)
  test(`${name} runs as a user of its own that can write its own folder and nothing else`, () => {
    const service = section(text, 'Service');
    assert.deepEqual(service.get('User'), ['fleetune']);
    assert.deepEqual(service.get('ProtectSystem'), ['strict']);
    assert.deepEqual(service.get('NoNewPrivileges'), ['yes']);
    assert.deepEqual(service.get('CapabilityBoundingSet'), ['']);
    assert.deepEqual(service.get('StateDirectory'), ['fleetune']);
    assert.equal(service.has('ReadWritePaths'), false);
    assert.equal(service.has('MemoryDenyWriteExecute'), false, 'V8 compiles at run time');
  });

test('the device service is watched, limited, and always started again', () => {
  const service = section(unit('fleetune-device.service'), 'Service');
  for (const key of ['WatchdogSec', 'MemoryMax', 'MemoryHigh', 'TasksMax', 'CPUWeight'])
    assert.ok(service.has(key), key);
  assert.deepEqual(service.get('Type'), ['notify']);
  assert.deepEqual(service.get('NotifyAccess'), ['all'], 'a child passes the news on');
  assert.deepEqual(service.get('Restart'), ['always']);
  assert.deepEqual(
    service.get('OOMPolicy'),
    ['continue'],
    'a trainer out of memory costs a task, not the service',
  );
});

test('a board is nobody until its first claim is used up; with a certificate a later claim holds it up no more', () => {
  const device = section(unit('fleetune-device.service'), 'Unit');
  const enroll = section(unit('fleetune-enroll.service'), 'Unit');
  const either = [`|!${places.claim}`, `|${places.bundle}/${bundleFiles.certificate}`];
  assert.deepEqual(device.get('ConditionPathExists'), [places.settings, ...either]);
  assert.deepEqual(enroll.get('ConditionPathExists'), [places.claim]);
  const after = section(unit('fleetune-enroll.service'), 'Service').get('ExecStartPost')!.join();
  assert.match(after, /^\+\/bin\/systemctl restart --no-block fleetune-device\.service$/);
});

test('the first boot is tried until the seed is gone', () => {
  assert.deepEqual(section(firstBoot.text, 'Unit').get('ConditionPathExists'), [`${places.seed}/install`]);
  assert.deepEqual(section(firstBoot.text, 'Service').get('Restart'), ['on-failure']);
});

/** Runs the unit's script, with `sleep` that tells how long it would be. */
function waitAt(uptimeS: number, env: Record<string, string> = {}, argv: string[] = []): number {
  const path = join(folder, 'backoff');
  mkdirSync(join(folder, 'bin'), { recursive: true });
  writeFileSync(join(folder, 'bin/sleep'), '#!/bin/sh\necho "$1"\n', { mode: 0o755 });
  writeFileSync(join(folder, 'uptime'), `${uptimeS}.25 1.00\n`);
  const script = backoffScript
    .replace('/run/fleetune/starts', join(folder, 'starts'))
    .replace('/proc/uptime', join(folder, 'uptime'));
  writeFileSync(path, script);
  const { stdout, stderr, status } = spawnSync('sh', [path, ...argv], {
    env: {
      ...env,
      PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
    },
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return Number(stdout);
}

test('the wait before a start doubles up to about five minutes, and is none again after a long life or a stop', () => {
  assert.equal(waitAt(10), 0);
  const waits = Array.from({ length: 10 }, () => waitAt(11));
  waits.forEach((wait, i) => {
    const least = Math.min(2 ** (i + 1), 256);
    assert.ok(wait >= least && wait <= least * 1.25, `${i}: ${wait}`);
  });
  assert.equal(waitAt(11 + 320 + 900), 0);
  assert.ok(waitAt(1240) > 0);
  waitAt(1241, { SERVICE_RESULT: 'watchdog' }, ['stopped']);
  assert.ok(waitAt(1242) > 0, 'a failure before');
  waitAt(1243, { SERVICE_RESULT: 'success' }, ['stopped']);
  assert.equal(waitAt(1244), 0, 'it was stopped by somebody');
});
