import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal } from '../schemas/refusal.js';
import type { RunSummary } from '../schemas/status.js';
import { readJournal } from './journal.js';
import type { RunEntry } from './run.js';
import { RunStore, sizeOf } from './run-store.js';

/** In a runs folder: a restore that is under way, or was killed. */
export const restoring = '.restore';

export interface FoundRuns {
  /** Trigger id → the run that it was started for, so that a repeat starts no other. */
  runsById: Map<string, string>;
  /** The run without a summary: it goes on. */
  open: { store: RunStore; entries: RunEntry[]; wholeBytes: number; torn: boolean } | null;
  /** The last that ended. */
  latest: RunSummary | null;
}

/**
 * What a runs folder holds of a fleet. A folder whose journal has no whole entry was never started and is
 * passed over, as are another fleet's runs that ended.
 * @throws Refusal where a journal or the last summary is damaged, two runs are open, another fleet's is, or a restore was killed
 */
export async function findRuns(folder: string, fleet: string): Promise<FoundRuns> {
  const found: FoundRuns = { runsById: new Map(), open: null, latest: null };
  const names = (await readdir(folder, { withFileTypes: true }))
    .filter((e) => e.isDirectory())
    .map((e) => e.name);
  if (names.includes(restoring))
    throw new Refusal(
      `${folder} holds a backup that was not restored to its end: empty it, and restore again`,
    );
  let latest: RunStore | undefined;
  for (const name of names.sort()) {
    const store = new RunStore(join(folder, name));
    if ((await sizeOf(store.journal)) === 0) continue;
    const content = await readJournal<RunEntry>(store.journal);
    const [first] = content.entries;
    if (first?.kind !== 'started') continue;
    const ended = (await sizeOf(join(store.folder, 'summary.json'))) > 0;
    if (first.fleet !== fleet) {
      if (ended) continue;
      throw new Refusal(
        `${store.folder} is an open run of fleet ${first.fleet}, expected ${fleet}: use another --runs folder`,
      );
    }
    if (first.trigger.id !== '') found.runsById.set(first.trigger.id, name);
    if (ended) latest = store;
    else if (found.open === null) found.open = { store, ...content };
    else
      throw new Refusal(
        `${found.open.store.folder} and ${store.folder} are both open: move one of them away`,
      );
  }
  if (latest) found.latest = await readSummary(join(latest.folder, 'summary.json'));
  return found;
}

async function readSummary(path: string): Promise<RunSummary> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as RunSummary;
  } catch (cause) {
    throw new Refusal(`${path}: not a readable summary: mend it, or move its folder away`, { cause });
  }
}

/** `20261123-231455123-ab12`: UTC to the millisecond, then chance. Names sort by time. */
export function runName(nowMs: number, random: () => number): string {
  const [date, time] = new Date(nowMs).toISOString().replaceAll(/[-:]/g, '').split('T') as [string, string];
  const chance = Math.floor(random() * 0x10000)
    .toString(16)
    .padStart(4, '0');
  return `${date}-${time.replace('.', '').slice(0, 9)}-${chance}`;
}
