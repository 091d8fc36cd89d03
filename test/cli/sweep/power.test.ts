import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findMeter } from '../../../cli/sweep/power.js';

test('energy is what the board’s sensor shows, over the time that it was measured', async () => {
  const root = await mkdtemp(join(tmpdir(), 'fleetune-root-'));
  try {
    assert.equal(await findMeter(root), undefined);
    const chip = join(root, 'sys/class/hwmon/hwmon0');
    await mkdir(chip, { recursive: true });
    const files = { name: 'ina3221', in1_label: 'VDD_IN', in1_input: '5000', curr1_input: '4000' };
    for (const [name, text] of Object.entries(files)) await writeFile(join(chip, name), `${text}\n`);
    const meter = (await findMeter(root))!;
    assert.equal(meter.source, 'ina3221');
    const stop = await meter.start();
    for (let i = 0; i < 20; i++) await writeFile(join(root, 'work'), 'some'); // Time goes by.
    const { joules, seconds } = await stop();
    assert.ok(seconds > 0 && Math.abs(joules / seconds - 20) < 1e-6, `${joules} J in ${seconds} s`);
  } finally {
    await rm(root, { recursive: true });
  }
});
