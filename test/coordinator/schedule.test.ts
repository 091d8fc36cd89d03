import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { latestDue, readCalendar } from '../../coordinator/schedule.js';
import { Refusal } from '../../schemas/refusal.js';
import { Fleet, until } from './fleet.js';

const at = (text: string) => Date.parse(text);
const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
const hourMs = 3_600_000;

function between(expression: string, zone: string, from: string, to: string): string[] {
  const calendar = readCalendar(expression, zone);
  const out: string[] = [];
  for (
    let due = latestDue(calendar, at(from), at(to));
    due !== null;
    due = latestDue(calendar, at(from), due - 1)
  )
    out.unshift(new Date(due).toISOString());
  return out;
}

test('a time is due in the zone that was asked for, in summer and in winter', () => {
  assert.deepEqual(between('30 2 * * *', 'Europe/Berlin', '2026-10-23T12:00Z', '2026-10-27T12:00Z'), [
    '2026-10-24T00:30:00.000Z',
    '2026-10-25T00:30:00.000Z', // 02:30 comes twice in this night and is due once.
    '2026-10-26T01:30:00.000Z',
    '2026-10-27T01:30:00.000Z',
  ]);
});

test('a time that the change of the clock leaves out is not due', () => {
  assert.deepEqual(between('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00Z', '2026-03-30T12:00Z'), [
    '2026-03-30T00:30:00.000Z',
  ]);
});

test('what is due every hour is due in the repeated hour too', () => {
  assert.equal(between('0 * * * *', 'Europe/Berlin', '2026-10-24T22:00Z', '2026-10-25T03:00Z').length, 5);
});

test('seconds, and zones that are off a whole hour, work', () => {
  assert.deepEqual(between('*/20 0 9 * * *', 'Asia/Kathmandu', '2026-01-01T00:00Z', '2026-01-01T12:00Z'), [
    '2026-01-01T03:15:00.000Z',
    '2026-01-01T03:15:20.000Z',
    '2026-01-01T03:15:40.000Z',
  ]);
});

test('a due time is after the first limit and at most the second', () => {
  const calendar = readCalendar('0 0 1 1 *', 'UTC');
  const newYear = at('2026-01-01T00:00Z');
  assert.equal(latestDue(calendar, newYear - 1, newYear), newYear);
  assert.equal(latestDue(calendar, newYear, newYear + hourMs), null);
  assert.equal(iso(latestDue(calendar, at('2025-06-01'), at('2026-06-01'))), '2026-01-01T00:00:00.000Z');
});

test('a bad expression or time zone is refused with what was expected', () => {
  for (const bad of ['', 'daily', '61 * * * *', '* * * *', '0 3 * * 1-5 2026 x'])
    assert.throws(
      () => readCalendar(bad, 'UTC'),
      (e) => e instanceof Refusal && /expected five or six/.test(e.message),
    );
  assert.throws(
    () => readCalendar('* * * * *', 'Mars/North'),
    (e) => e instanceof Refusal && /time zone/.test(e.message),
  );
});

/** A coordinator at 02:00 that wants a run at 03:00 each day, and a clock that the test moves. */
async function nightly(t: Parameters<typeof Fleet.start>[0]) {
  const made = await Fleet.start(t);
  const clock = { nowMs: at('2026-05-01T02:00Z') };
  const calendar = readCalendar('0 3 * * *', 'UTC');
  const start = () => made.coordinator({ calendar, clock: () => clock.nowMs, defaults: { waitS: 86_400 } });
  const handled = async () => {
    const text = await readFile(join(made.folder, 'schedule.jsonl'), 'utf8');
    const entries = text.split('\n').filter((line) => line.includes('"handled"'));
    return entries.map((line) => JSON.parse(line)).map(({ dueMs, outcome }) => [iso(dueMs), outcome]);
  };
  const ended = async () => {
    await made.stopRun();
    return made.result(made.results.length + 1);
  };
  return { made, clock, start, handled, ended };
}

test('a due time starts exactly one run, also across restarts', async (t) => {
  const { made, clock, start, handled, ended } = await nightly(t);
  let { coordinator, stop } = await start();
  await coordinator.tick();
  assert.deepEqual(await made.runs(), []);
  clock.nowMs = at('2026-05-01T03:00:01Z');
  await coordinator.tick();
  await coordinator.tick();
  assert.equal((await made.runs()).length, 1);
  await stop();
  ({ coordinator, stop } = await start());
  await coordinator.tick();
  const summary = await ended();
  assert.deepEqual(summary.trigger, {
    id: 'schedule-2026-05-01T03:00:00.000Z',
    source: 'schedule',
    dueAt: '2026-05-01T03:00:00.000Z',
    late: false,
  });
  await coordinator.tick();
  assert.equal((await made.runs()).length, 1);
  assert.deepEqual(await handled(), [['2026-05-01T03:00:00.000Z', 'started']]);
  const [started] = await made.journal(summary.run);
  assert.equal((started!.trigger as { late: boolean }).late, false);
});

test('of the times missed while the coordinator was away the latest runs once, late', async (t) => {
  const { made, clock, start, handled, ended } = await nightly(t);
  await (await start()).stop();
  clock.nowMs = at('2026-05-04T10:00Z');
  const { coordinator, stop } = await start();
  await coordinator.tick();
  const summary = await ended();
  assert.equal(summary.trigger.dueAt, '2026-05-04T03:00:00.000Z');
  assert.equal(summary.trigger.late, true);
  const [started] = await made.journal(summary.run);
  assert.equal((started!.trigger as { late: boolean }).late, true);
  assert.deepEqual(await handled(), [['2026-05-04T03:00:00.000Z', 'late']]);
  await stop();
  const again = await start();
  await again.coordinator.tick();
  assert.equal((await made.runs()).length, 1);
});

test('a due time that falls in a run is recorded as skipped', async (t) => {
  const { made, clock, start, handled, ended } = await nightly(t);
  const { coordinator } = await start();
  await made.trigger({ id: 'by-hand' });
  await until(() => made.status?.state === 'waiting', 'waiting');
  clock.nowMs = at('2026-05-01T03:00Z');
  await coordinator.tick();
  assert.equal((await ended()).trigger.id, 'by-hand');
  await coordinator.tick();
  assert.deepEqual(await handled(), [['2026-05-01T03:00:00.000Z', 'skipped']]);
  assert.equal((await made.runs()).length, 1);
});

test('a run that a crash left unnoted in the schedule is not started again', async (t) => {
  const { made, clock, start, handled, ended } = await nightly(t);
  const first = await start();
  const before = await readFile(join(made.folder, 'schedule.jsonl'));
  clock.nowMs = at('2026-05-01T03:00Z');
  await first.coordinator.tick();
  await first.stop();
  await writeFile(join(made.folder, 'schedule.jsonl'), before);
  const second = await start();
  await second.coordinator.tick();
  await ended();
  assert.equal((await made.runs()).length, 1);
  assert.equal((await handled()).length, 1);
});
