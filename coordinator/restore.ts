import { constants } from 'node:fs';
import { access, mkdir, open, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { isDiskTrouble } from '../runtime/disk-trouble.js';
import { requireFolder, syncFolder } from '../runtime/files.js';
import { takeLock } from '../runtime/lock.js';
import { told } from '../runtime/log.js';
import { Refusal } from '../schemas/refusal.js';
import { type Manifest, unpack, whileThere } from './archive.js';
import { Journal, readJournal } from './journal.js';
import { type RunEntry, replay } from './run.js';
import { RunStore, sizeOf } from './run-store.js';
import { restoring } from './runs.js';

export interface Restored {
  manifest: Manifest;
  runs: number;
  /** The run that goes on at the coordinator's next start. */
  open: string | undefined;
}

/**
 * Puts a backup into an empty runs folder. An open run's journal says that it was restored: devices that had gone
 * further do its tasks again.
 * @throws Refusal where the folder holds anything or a coordinator is at work in it, the backup is damaged or can't be
 * read; then the folder is as before
 */
export async function restore(file: string, runs: string, nowMs: number): Promise<Restored> {
  await access(file, constants.R_OK).catch((cause) => {
    throw new Refusal(`${file} can't be read (${cause.code}) by the user whose the runs folder is`);
  });
  await requireFolder(runs, 'the runs folder (--runs)');
  const inUse = (holder: string) => `the runs folder (--runs) ${runs} is in use by ${holder}: give another`;
  const lock = await takeLock(join(runs, 'lock'), inUse).catch((error) => {
    if (!isDiskTrouble(error)) throw error;
    throw new Refusal(`the runs folder (--runs) ${runs} takes no file: ${told(error)}`);
  });
  const stage = join(runs, restoring);
  try {
    const held = (await readdir(runs)).filter((name) => !/^lock(\..*\.partial)?$/.test(name));
    if (held.length > 0)
      throw new Refusal(
        `the runs folder (--runs) ${runs} holds ${held.slice(0, 3).join(', ')}${held.length > 3 ? ', …' : ''}: give an empty one`,
      );
    return await whileThere(stage, async () => {
      await mkdir(stage);
      const manifest = await unpack(file, stage);
      const { runs: count, open: openRun } = await noteRestored(stage, nowMs);
      await syncAll(stage);
      for (const name of (await readdir(stage)).filter((name) => name !== 'backup.json'))
        await rename(join(stage, name), join(runs, name));
      await syncFolder(runs);
      return { manifest, runs: count, open: openRun };
    });
  } finally {
    await lock.release();
  }
}

async function noteRestored(
  folder: string,
  nowMs: number,
): Promise<{ runs: number; open: string | undefined }> {
  let [runs, openRun]: [number, string | undefined] = [0, undefined];
  for (const name of await readdir(folder)) {
    const store = new RunStore(join(folder, name));
    if ((await sizeOf(store.journal).catch(() => 0)) === 0) continue;
    runs++;
    const { entries, wholeBytes } = await readJournal<RunEntry>(store.journal);
    if (replay(entries).step.phase === 'ended') continue;
    openRun = name;
    const journal = await Journal.open<RunEntry>(store.journal, wholeBytes);
    await journal.append({ kind: 'restored', atMs: nowMs }).finally(() => journal.close());
  }
  return { runs, open: openRun };
}

async function syncAll(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncAll(path);
    const handle = await open(path, 'r');
    await handle.sync().finally(() => handle.close());
  }
}
