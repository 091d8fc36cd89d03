import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Check, ok } from '../../../cli/doctor/check.js';
import { checks } from '../../../cli/doctor/checks.js';
import { examine } from '../../../cli/doctor/examination.js';
import { readSubject, serviceOf } from '../../../cli/doctor/settings.js';

const title = { name: 'fleetune doctor', summary: '' };
const subjectOf = (...argv: string[]) => readSubject(argv, title);
const check = (look: Check['look'], more: Partial<Check> = {}): Check => ({
  applies: () => true,
  look,
  ...more,
});

test('a check that hangs and one that fails are findings, and the others are told all the same', async () => {
  const table = {
    hangs: check(() => new Promise(() => {}), { limitMs: 20 }),
    fails: check(async () => Promise.reject(new Error('odd'))),
    fine: check(async () => [ok('well')]),
    notAsked: check(async () => [ok('?')], { applies: () => false }),
  };
  assert.deepEqual(
    (await examine(subjectOf(), table)).map(({ check, state, what }) => [check, state, what]),
    [
      ['hangs', 'problem', 'no answer within 0.02 s'],
      ['fails', 'problem', 'the check failed: odd'],
      ['fine', 'ok', 'well'],
    ],
  );
});

test('a model folder that never answers holds up neither its check nor the end', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fleetune-doctor-'));
  t.after(() => rmSync(folder, { recursive: true }));
  execFileSync('mkfifo', [join(folder, 'config.json')]);
  const table = { model: { ...checks.model!, limitMs: 1_000 } };
  const [finding] = await examine(subjectOf('device', '--model', folder), table);
  assert.deepEqual([finding?.state, finding?.what], ['problem', 'no answer within 1 s']);
});

test('the service is the one that takes all that is given, or the one that is named', () => {
  assert.equal(serviceOf([]), undefined);
  assert.equal(serviceOf(['broker', 'fleet']), undefined, 'device and coordinator take both');
  assert.equal(serviceOf(['broker', 'data']), 'device');
  assert.equal(serviceOf(['runs']), 'coordinator');
  assert.equal(serviceOf(['port', 'data']), undefined);
  assert.equal(subjectOf('--id', 'barn').service, 'device');
  assert.equal(subjectOf('--json', 'coordinator').service, 'coordinator');
});

test('settings are refused as the service would refuse them', () => {
  assert.throws(() => subjectOf('device', '--port', '1'), /--port: no such flag/);
  assert.throws(
    () => subjectOf('device', '--telemetry-s', '0'),
    /--telemetry-s: "0" is not a number from 0.05/,
  );
  assert.throws(() => subjectOf('devise'), /devise is no service: did you mean device\?/);
});
