import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Refusal } from '../../schemas/refusal.js';
import { earliestMs, machineClock } from '../../telemetry/clock.js';
import { type Lane, Spool, type SpoolOptions } from '../../telemetry/spool.js';
import { hourMs, testClock, testFolders } from './rig.js';
import { smallDisk } from './small-disk.js';

const folder = testFolders('spool');
const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `m v=${from + i} ${from + i}`);
const segments = (at: string) => readdirSync(at).filter((name) => name.endsWith('.lp'));

/** A spool and what it lost. */
async function open(at: string, changes: Partial<SpoolOptions> = {}) {
  const losses: [number, string][] = [];
  const lost = (lines: number, reason: string) => void losses.push([lines, reason]);
  const options = { maxBytes: 1 << 20, syncEveryMs: 0, clock: machineClock, lost, ...changes };
  return { spool: await Spool.open(at, options), losses };
}

const some = (spool: Spool, lane: Lane, maxLines = 7) => spool.take(lane, { maxLines, maxBytes: 1 << 20 });

/** All that is there, and what of the live lane becomes old meanwhile. */
async function readAll(spool: Spool, lanes: Lane[] = ['old', 'live']): Promise<string[]> {
  const all: string[] = [];
  let seen = -1;
  while (all.length > seen) {
    seen = all.length;
    for (const lane of lanes)
      for (let batch = await some(spool, lane); batch; batch = await some(spool, lane)) {
        all.push(...batch.lines);
        await batch.acknowledge();
      }
  }
  return all;
}

test('lines are read back once, in the order in which they were appended', async () => {
  const { spool } = await open(folder());
  await spool.append(numbered(0, 500));
  await spool.append(numbered(500, 510));
  assert.deepEqual(await readAll(spool), numbered(0, 510));
  assert.equal(await some(spool, 'live'), undefined);
  await spool.append(numbered(510, 512));
  assert.deepEqual(await readAll(spool), numbered(510, 512));
  assert.equal(spool.waitingBytes, 0);
});

test('lines that nobody acknowledged are read again, also after a restart', async () => {
  const at = folder();
  const { spool } = await open(at);
  await spool.append(numbered(0, 20));
  await (await some(spool, 'live', 5))?.acknowledge();
  assert.deepEqual((await some(spool, 'live', 3))?.lines, numbered(5, 8));
  const { spool: again } = await open(at);
  assert.deepEqual(await readAll(again), numbered(5, 20));
});

test('what waits from before a start is old, what comes is live', async () => {
  const at = folder();
  const { spool } = await open(at);
  await spool.append(numbered(0, 20));
  const { spool: again } = await open(at);
  await again.append(numbered(20, 22));
  assert.deepEqual((await some(again, 'live'))?.lines, numbered(20, 22));
  assert.deepEqual((await some(again, 'old', 2))?.lines, numbered(0, 2));
  assert.deepEqual(await readAll(again, ['live', 'old']), [...numbered(20, 22), ...numbered(0, 20)]);
});

test('a live lane that nobody keeps up with becomes back-fill, and what comes goes before it', async () => {
  const { spool } = await open(folder(), { maxBytes: 1 << 17 });
  await spool.append(numbered(0, 400));
  const first = await some(spool, 'live', 100);
  assert.deepEqual([first?.lines, first?.more], [numbered(0, 100), true]);
  await first?.acknowledge();
  await spool.append(numbered(400, 410));
  assert.deepEqual((await some(spool, 'live', 100))?.lines, numbered(400, 410));
  assert.deepEqual((await some(spool, 'old', 100))?.lines, numbered(100, 200));
});

test('a spool over its limit drops its oldest lines and counts those that were not read', async () => {
  const at = folder();
  const maxBytes = 8 * 1024;
  const { spool, losses } = await open(at, { maxBytes });
  for (let i = 0; i < 2000; i += 10) await spool.append(numbered(i, i + 10));
  const bytes = segments(at).reduce((sum, name) => sum + statSync(join(at, name)).size, 0);
  assert.ok(bytes <= maxBytes, `${bytes} bytes on disk`);
  const left = await readAll(spool);
  assert.deepEqual(left, numbered(2000 - left.length, 2000));
  const lost = losses.reduce((sum, [lines]) => sum + lines, 0);
  assert.equal(lost, 2000 - left.length);
  assert.ok(lost > 0);
});

test('what was read takes no room and is not counted as lost', async () => {
  const at = folder();
  const { spool, losses } = await open(at, { maxBytes: 8 * 1024 });
  for (let i = 0; i < 2000; i += 10) {
    await spool.append(numbered(i, i + 10));
    assert.equal((await readAll(spool)).length, 10);
  }
  assert.deepEqual(losses, []);
  assert.ok(segments(at).length <= 1, segments(at).join());
});

test('a line that a kill cut short is left out, and so is a file that somebody removed', async () => {
  const at = folder();
  const { spool } = await open(at);
  await spool.append(numbered(0, 3));
  appendFileSync(join(at, segments(at)[0]!), 'm v=3');
  const { spool: again } = await open(at);
  await again.append(numbered(4, 5));
  assert.deepEqual(await readAll(again), [...numbered(0, 3), ...numbered(4, 5)]);
  await again.append(numbered(5, 6));
  const { spool: third } = await open(at);
  for (const name of segments(at)) rmSync(join(at, name));
  await third.append(numbered(6, 7));
  assert.deepEqual(await readAll(third), numbered(6, 7));
});

test('whatever is taken, acknowledged, killed and opened again: no line is lost', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const chance = randomOf(seed);
    const at = folder();
    let { spool } = await open(at, { maxBytes: 1 << 15 });
    const seen = new Set<string>();
    let written = 0;
    for (let step = 0; step < 60; step++) {
      const count = Math.floor(chance() * 30);
      await spool.append(numbered(written, written + count));
      written += count;
      const batch = await some(spool, chance() < 0.5 ? 'live' : 'old', 1 + Math.floor(chance() * 40));
      if (chance() < 0.8) {
        for (const line of batch?.lines ?? []) seen.add(line);
        await batch?.acknowledge();
      }
      if (chance() < 0.15) ({ spool } = await open(at, { maxBytes: 1 << 15 }));
    }
    for (const line of await readAll(spool)) seen.add(line);
    assert.equal(seen.size, written, `seed ${seed}`);
    assert.equal(spool.waitingBytes, 0);
  }
});

/** Numbers from 0 to 1, always the same ones for a seed (Park and Miller, 1988). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

test('a cursor of a file that is gone is no cursor of the next', async () => {
  const at = folder();
  const { spool } = await open(at);
  await spool.append(numbered(0, 9));
  await (await some(spool, 'live', 5))?.acknowledge();
  rmSync(join(at, segments(at)[0]!));
  const { spool: again } = await open(at);
  await again.append(numbered(10, 19));
  assert.deepEqual(await readAll(again), numbered(10, 19));
});

test('files of former versions are read', async () => {
  const at = folder();
  const { spool } = await open(at);
  await spool.append(numbered(0, 1));
  writeFileSync(join(at, '000000000000.lp'), 'm v=7 7\nm v=8 8\n');
  writeFileSync(join(at, 'cursor.json'), '{"number":3,"offset":100}');
  const { spool: again } = await open(at);
  assert.deepEqual(await readAll(again), ['m v=7 7', 'm v=8 8', ...numbered(0, 1)]);
});

test('a write that a full disk took half of leaves nothing, and the rest goes on behind it', async (t) => {
  const at = folder();
  const disk = smallDisk(t, at, '64k');
  if (!disk) return;
  const { spool } = await open(at);
  await spool.append(numbered(0, 10));
  disk.fill();
  let written = 10;
  for (let tries = 0; tries < 3; tries++) {
    const { kept, error } = await spool.append(numbered(written, written + 1000));
    assert.match(String(error), /ENOSPC/);
    written += kept;
  }
  disk.makeRoom();
  assert.deepEqual(await spool.append(numbered(written, 1500)), { kept: 1500 - written });
  const { spool: again } = await open(at);
  assert.deepEqual(await readAll(again), numbered(0, 1500));
});

test('a folder that is a file is refused', async () => {
  const at = folder();
  writeFileSync(at, '');
  await assert.rejects(open(at), (error) => error instanceof Refusal && error.message.includes(at));
});

test('lines of a clock that is not set wait, and have the right time once it is', async () => {
  const at = folder();
  const clock = testClock(5_000);
  const { spool } = await open(at, { clock: clock.read });
  await spool.append(['m v=1 5000']);
  clock.passes(1000);
  await spool.append(['m v=2 6000']);
  assert.deepEqual(await readAll(spool), []);
  const rightMs = earliestMs + hourMs;
  clock.isSetTo(rightMs);
  await spool.append([`m v=3 ${rightMs}`]);
  const lines = [`m v=1 ${rightMs - 1000}`, `m v=2 ${rightMs}`, `m v=3 ${rightMs}`];
  assert.deepEqual(await readAll(spool), lines);
});

test('a clock that was wrong by days is put right in what still waits, also after a restart', async () => {
  const at = folder();
  const startMs = earliestMs + hourMs;
  const clock = testClock(startMs);
  const { spool } = await open(at, { clock: clock.read });
  await spool.append([`m v=1 ${startMs}`]);
  const { spool: again } = await open(at, { clock: clock.read });
  const dayMs = 24 * hourMs;
  clock.isSetTo(startMs + 3 * dayMs);
  await again.append([`m v=2 ${startMs + 3 * dayMs}`]);
  assert.deepEqual(await readAll(again), [`m v=1 ${startMs + 3 * dayMs}`, `m v=2 ${startMs + 3 * dayMs}`]);
});

test('a machine that was started again before its clock was set loses what it had, and says so', async () => {
  const at = folder();
  const { spool } = await open(at, { clock: testClock(5_000).read });
  await spool.append(['m v=1 5000', 'm v=2 5001']);
  const nowMs = earliestMs + hourMs;
  const { spool: again, losses } = await open(at, { clock: testClock(nowMs, 'boot2').read });
  await again.append([`m v=3 ${nowMs}`]);
  assert.deepEqual(await readAll(again), [`m v=3 ${nowMs}`]);
  assert.deepEqual(losses, [[2, 'the clock of their machine was not set before it was started again']]);
});

test('a machine that was started again with its clock right keeps the times of before', async () => {
  const at = folder();
  const nowMs = earliestMs + hourMs;
  const { spool } = await open(at, { clock: testClock(nowMs).read });
  await spool.append([`m v=1 ${nowMs}`]);
  const { spool: again } = await open(at, { clock: testClock(nowMs + hourMs, 'boot2').read });
  assert.deepEqual(await readAll(again), [`m v=1 ${nowMs}`]);
  assert.equal(again.waitingBytes, 0);
});
