import { createTask, parse } from 'node-cron';
import { writeAtomic } from '../runtime/files.js';
import { told } from '../runtime/log.js';
import { Refusal } from '../schemas/refusal.js';
import { Journal, readJournal } from './journal.js';
import { sizeOf } from './run-store.js';

/** When runs are due. node-cron says which times those are; what was done about each is ours, and on disk. */
export interface Calendar {
  expression: string;
  timeZone: string;
  /** @param atMs a whole second */
  matches(atMs: number): boolean;
}

const minuteMs = 60_000;
const lookBackMs = 400 * 24 * 60 * minuteMs;
const lateMs = minuteMs;
const keptEntries = 1000;

/**
 * A cron expression of five or six fields, in a time zone ('' for the machine's). A wall-clock time that a
 * change of the clock repeats is due once, unless every hour is; one that it leaves out is not due.
 * @throws Refusal that says what is wrong with either
 */
export function readCalendar(expression: string, timeZone: string): Calendar {
  const wall = clockOf(timeZone);
  try {
    // The task is never started: node-cron's own timer forgets what fell due while the process was away.
    const task = createTask(expression, () => undefined, timeZone === '' ? {} : { timezone: timeZone });
    const { second, minute, hour } = parse(expression);
    const minutes = new Set(zoneShifts.flatMap((shift) => minute.map((m) => (m + shift) % 60)));
    const isRepeat = (atMs: number) =>
      hour.length < 24 && wall.format(atMs) === wall.format(atMs - 60 * minuteMs);
    const matches = (atMs: number) =>
      second.includes((atMs / 1000) % 60) &&
      // Asking node-cron takes 10 µs, and a year has 525,600 minutes: most are out for their minute alone.
      minutes.has(Math.floor(atMs / minuteMs) % 60) &&
      task.match(new Date(atMs)) &&
      !isRepeat(atMs);
    return { expression, timeZone, matches };
  } catch (cause) {
    throw new Refusal(
      `cron: ${JSON.stringify(expression)}: ${told(cause)}: expected five or six fields, as "0 3 * * 1-5"`,
    );
  }
}

/** Minutes by which the world's time zones are off a whole hour. */
const zoneShifts = [0, 15, 30, 45];

function clockOf(timeZone: string): Intl.DateTimeFormat {
  try {
    const zone = timeZone === '' ? {} : { timeZone };
    return new Intl.DateTimeFormat('en', { ...zone, dateStyle: 'short', timeStyle: 'medium' });
  } catch {
    throw new Refusal(`timeZone: ${JSON.stringify(timeZone)} is no time zone, expected one as Europe/Berlin`);
  }
}

/** The latest due time in (afterMs, untilMs], looking back at most 400 days; null for none. */
export function latestDue(calendar: Calendar, afterMs: number, untilMs: number): number | null {
  const from = Math.max(afterMs, untilMs - lookBackMs);
  for (let atMs = Math.floor(untilMs / 1000) * 1000; atMs > from; atMs -= 1000)
    if (calendar.matches(atMs)) return atMs;
  return null;
}

/** A due time, and whether the coordinator was away or asleep when it came. */
export interface Due {
  dueMs: number;
  late: boolean;
}

type ScheduleEntry = { atMs: number } & (
  | { kind: 'watching'; expression: string; timeZone: string }
  | { kind: 'handled'; dueMs: number; outcome: 'started' | 'late' | 'skipped'; reason: string }
);

/**
 * What became of each due time, in `schedule.jsonl`: each is handled once, whatever is restarted in between.
 */
export class Schedule {
  readonly #calendar: Calendar;
  readonly #journal: Journal<ScheduleEntry>;
  readonly #sinceMs: number;
  #lookedMs: number;

  private constructor(
    calendar: Calendar,
    journal: Journal<ScheduleEntry>,
    sinceMs: number,
    lookedMs: number,
  ) {
    this.#calendar = calendar;
    this.#journal = journal;
    this.#sinceMs = sinceMs;
    this.#lookedMs = lookedMs;
  }

  /** A calendar that is new, or was changed, misses nothing of the time before. */
  static async open(path: string, calendar: Calendar, nowMs: number): Promise<Schedule> {
    const { expression, timeZone } = calendar;
    const content = (await sizeOf(path)) > 0 ? await readJournal<ScheduleEntry>(path) : undefined;
    const entries = content?.entries ?? [];
    const watching = entries.findLast((e) => e.kind === 'watching');
    const isSame = watching?.expression === expression && watching.timeZone === timeZone;
    if (isSame && entries.length > keptEntries) {
      const kept = [watching, ...entries.filter((e) => e.kind === 'handled').slice(-keptEntries / 2)];
      const text = kept.map((e) => `${JSON.stringify(e)}\n`).join('');
      await writeAtomic(path, text);
      if (content) content.wholeBytes = Buffer.byteLength(text);
    }
    const journal = await Journal.open<ScheduleEntry>(path, content?.wholeBytes ?? 0);
    if (!isSame) await journal.append({ kind: 'watching', atMs: nowMs, expression, timeZone });
    const handled = entries.flatMap((e) => (e.kind === 'handled' ? [e.dueMs] : []));
    const looked = isSame ? Math.max(watching.atMs, ...handled.slice(-1)) : nowMs;
    return new Schedule(calendar, journal, nowMs, looked);
  }

  /** The due time to handle now, if there is one; of several that were missed, the latest. */
  due(nowMs: number): Due | null {
    const dueMs = latestDue(this.#calendar, this.#lookedMs, nowMs);
    if (dueMs === null) this.#lookedMs = Math.max(this.#lookedMs, nowMs);
    return dueMs === null ? null : { dueMs, late: dueMs < this.#sinceMs || nowMs - dueMs > lateMs };
  }

  async handled(
    due: Due,
    outcome: 'started' | 'late' | 'skipped',
    reason: string,
    atMs: number,
  ): Promise<void> {
    await this.#journal.append({ kind: 'handled', atMs, dueMs: due.dueMs, outcome, reason });
    this.#lookedMs = due.dueMs;
  }

  close(): Promise<void> {
    return this.#journal.close();
  }
}
