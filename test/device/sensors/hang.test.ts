import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, existsSync, openSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { hwmonChip, plant, zones } from '../../../bench/boards/tree.js';
import { type SamplerSettings, startSampler } from '../../../device/sampler.js';
import { Board } from '../../../device/sensors/board.js';

const proc = existsSync('/proc/self/oom_score') ? false : 'no /proc';
const orinNx = hwmonChip(1, { 1: ['VDD_IN', 5_000, 2_000] });
const zone = (number: number) => `sys/class/thermal/thermal_zone${number}/temp`;

/** A file whose opening hangs until it is let go, as that of a driver whose bus is stuck. */
function hangAt(path: string) {
  rmSync(path, { force: true });
  execFileSync('mkfifo', [path]);
  /** @returns whether somebody was waiting */
  const letGo = (): boolean => {
    try {
      closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
      return true;
    } catch {
      return false;
    }
  };
  return { letGo };
}

const hanging = [
  { part: 'zone', file: zone(0), name: 'zone cpu', hasJoules: true },
  { part: 'rail', file: 'sys/class/hwmon/hwmon1/curr1_input', name: 'rail VDD_IN', hasJoules: false },
] as const;

for (const { part, file, name, hasJoules } of hanging)
  test(`a ${part} that hangs in a run harms no other: samples, energy and the end go on without it`, {
    skip: proc,
  }, async (t) => {
    // A number that the kernel takes away when its process ends: the next reading opens the path again.
    const owner = spawn('sleep', ['60']);
    t.after(() => owner.kill('SIGKILL'));
    const root = plant({ ...orinNx, ...zones({ 'cpu-thermal': 45, 'gpu-thermal': 46 }) });
    rmSync(join(root, file));
    symlinkSync(`/proc/${owner.pid}/oom_score`, join(root, file));
    const logged: string[] = [];
    const failing: (number | undefined)[] = [];
    let heard = () => {};
    const say = (message: string, facts = {}) => void logged.push(`${message} ${JSON.stringify(facts)}`);
    const settings: SamplerSettings = {
      ...{ everyMs: 10, taskEveryMs: 10, power: true, root, stateFolder: root, deviceId: 'a' },
      trainerPid: () => undefined,
      log: { info: say, warn: say },
    };
    const sampler = await startSampler(settings, ([utilization]) => {
      failing.push(utilization?.fields.sensors_failing);
      heard();
    });
    t.after(() => sampler.stop());
    const until = (count: number) =>
      new Promise<void>((resolve) => {
        heard = () => failing.filter((n) => n === count).length >= 3 && resolve();
      });
    await until(0);
    const measuring = sampler.measure();
    const hung = hangAt(join(root, file));
    t.after(() => void hung.letGo());
    owner.kill('SIGKILL');
    await until(1);
    const spent = await measuring.end();
    assert.equal((spent?.joules ?? 0) > 0, hasJoules);
    const fails = logged.filter((line) => line.startsWith('a sensor fails'));
    assert.equal(fails.length, 1, fails.join());
    assert.match(fails[0]!, new RegExp(name));
    await sampler.stop();
    assert.ok(hung.letGo());
  });

test('a file that hangs is asked again only when it has answered; with two of them no third is asked', async (t) => {
  const root = plant({ third: 3 });
  const [first, second] = ['first', 'second'].map((name) => hangAt(join(root, name)));
  t.after(() => [first, second].map((file) => file!.letGo()));
  const board = new Board(root);
  const [a, b, third] = ['first', 'second', 'third'].map((name) => board.file(name));
  await assert.rejects(a!.number(), /first: no answer within 1000 ms/);
  await assert.rejects(a!.number(), /first: no answer yet/);
  assert.equal(await third!.number(), 3);
  await assert.rejects(b!.number(), /second: no answer within/);
  await assert.rejects(third!.number(), /third: not read, as 2 other files hang/);
  first!.letGo();
  second!.letGo();
  // What hung ends a moment after it was let go.
  while (!(await third!.number().catch(() => undefined))) await new Promise(setImmediate);
  await board.close();
});

test('a process whose sensor hangs for ever ends nevertheless', { timeout: 30_000 }, async () => {
  const root = plant({ ...orinNx, ...zones({ 'cpu-thermal': 45 }) });
  hangAt(join(root, zone(0)));
  const script = fileURLToPath(new URL('./hung-process.js', import.meta.url));
  const child = spawn(process.execPath, [script, root], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  assert.equal(String(said), 'stopped\n');
  await once(child, 'exit');
});
