import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lookAt } from '../../../cli/doctor/sensors.js';

const nobody = 65534;

test('a power sensor that is there, and closed to this user, is told with what opens it', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'fleetune-sensors-'));
  t.after(() => rmSync(root, { recursive: true }));
  const zone = join(root, 'sys/class/powercap/intel-rapl:0');
  mkdirSync(zone, { recursive: true });
  chmodSync(root, 0o755);
  const energy = join(zone, 'energy_uj');
  for (const [file, text] of [
    ['name', 'package-0'],
    ['max_energy_range_uj', '262143328850'],
    ['energy_uj', '1000'],
  ] as const)
    writeFileSync(join(zone, file), `${text}\n`);
  const open = await lookAt(root, true);
  assert.ok(open.some(({ state, what }) => state === 'ok' && /^power from rapl/.test(what)));
  chmodSync(energy, 0);
  const root0 = process.getuid?.() === 0; // To whom no file is closed.
  if (root0) process.seteuid?.(nobody);
  const closed = await lookAt(root, true).finally(() => root0 && process.seteuid?.(0));
  assert.ok(closed.some(({ what }) => what === 'no power sensor: joules are not told'));
  const told = closed.find(({ what }) => what.startsWith(energy));
  assert.match(told?.what ?? '', /is there, but this user may not read it/);
  assert.match(told?.remedy ?? '', /sudo chmod a\+r .*energy_uj/);
  assert.deepEqual(
    await lookAt(root, false).then((all) => all.at(-1)?.what),
    'power is not measured (--no-power)',
  );
});
