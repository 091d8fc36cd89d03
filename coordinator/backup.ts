import { constants } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { Refusal } from '../schemas/refusal.js';
import { pack, sha256Of, whileThere } from './archive.js';
import { readJournal } from './journal.js';
import { type RunEntry, type RunState, replay } from './run.js';
import { RunStore } from './run-store.js';

export interface BackedUp {
  runs: number;
  /** The run that goes on when this is restored. */
  open: string | undefined;
  files: number;
  bytes: number;
  sha256: string;
}

const tries = 5;
/** What belongs to a process, or is not whole: never part of a backup. */
const passing = /^(lock(\.\d+)?|.*\.partial|.*\.part)$/;

/**
 * Writes all that a runs folder holds into one file, while a coordinator may be at work there. A run's journal is
 * copied first: what it names was on disk before it, and never changes. Only what a coordinator clears away meanwhile
 * can be missing: then it is copied again.
 * @throws Refusal where there is nothing to back up, the file is there, or a run outruns the copying
 */
export async function backUp(runs: string, file: string, version: string): Promise<BackedUp> {
  const entries = await readdir(runs, { withFileTypes: true }).catch((cause) => {
    throw new Refusal(`the runs folder (--runs) ${runs} can't be read (${cause.code})`);
  });
  if (entries.length === 0) throw new Refusal(`the runs folder (--runs) ${runs} is empty`);
  if (`${resolve(file)}${sep}`.startsWith(`${resolve(runs)}${sep}`))
    throw new Refusal(`${file} lies in what it is to hold: give a place outside ${runs}`);
  if (await stat(file).catch(() => undefined))
    throw new Refusal(`${file} is there already: give another name, or move it away`);
  const stage = await mkdtemp(`${file}.staging-`).catch((cause) => {
    throw new Refusal(
      `can't write to ${dirname(file)} (${cause.code}): give a place that this user may write`,
    );
  });
  return whileThere(stage, async () => {
    let open: string | undefined;
    let count = 0;
    for (const entry of entries) {
      if (passing.test(entry.name)) continue;
      const [from, to] = [join(runs, entry.name), join(stage, entry.name)];
      const copied = entry.isDirectory() ? await copyRun(from, to) : await copyLog(from, to);
      if (copied === 'open') open = entry.name;
      if (copied !== 'no run') count++;
    }
    const paths = await filesOf(stage);
    const { files } = await pack(stage, paths, file, { madeAt: new Date().toISOString(), version });
    const bytes = files.reduce((sum, one) => sum + one.bytes, 0);
    return { runs: count, open, files: files.length, bytes, sha256: await sha256Of(file) };
  });
}

type Copied = 'open' | 'ended' | 'no run';

/** Copies a run, or any other folder. */
async function copyRun(from: string, to: string): Promise<Copied> {
  for (let i = 0; i < tries; i++) {
    await rm(to, { recursive: true, force: true });
    await mkdir(to, { recursive: true });
    const store = new RunStore(from);
    const state = await copyJournal(store, new RunStore(to));
    const isOpen = state && state.step.phase !== 'ended';
    // Of a run that has ended since its journal was read: it ends again when it is restored.
    const later = isOpen ? ['summary.json', 'adapter', 'report.html'] : [];
    await copyFolder(from, to, ['journal.jsonl', ...later]);
    if (!state) return 'no run';
    if (!isOpen) return 'ended';
    if (await isWhole(new RunStore(to), state)) return 'open';
  }
  throw new Refusal(`run ${from} goes on faster than it can be copied: stop the coordinator, and try again`);
}

/** The whole lines of a run's journal, and what they say; undefined where it is no run, or none that has begun. */
async function copyJournal(from: RunStore, to: RunStore): Promise<RunState | undefined> {
  const content = await readJournal<RunEntry>(from.journal).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!content || content.entries.length === 0) return undefined;
  await writeFile(to.journal, (await readFile(from.journal)).subarray(0, content.wholeBytes));
  return replay(content.entries);
}

/** Whether all is there that a coordinator needs to go on: the adapter, and updates that it has taken. */
async function isWhole(store: RunStore, { version, sha256, step }: RunState): Promise<boolean> {
  const hashOf = (path: string) => sha256Of(path).catch(() => undefined);
  if (version >= 0 && (await hashOf(store.versionPath(version))) !== sha256) return false;
  if (step.phase !== 'open' && step.phase !== 'making') return true;
  for (const [deviceId, answer] of Object.entries(step.answers))
    if (answer.accepted && (await hashOf(store.updatePath(step.stage, deviceId))) !== answer.sha256)
      return false;
  return true;
}

async function copyFolder(from: string, to: string, leftOut: readonly string[] = []): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true }).catch(() => [])) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (passing.test(entry.name) || leftOut.includes(entry.name)) continue;
    if (entry.isDirectory()) await mkdir(target).then(() => copyFolder(source, target));
    else if (entry.isFile()) await copyFile(source, target, constants.COPYFILE_FICLONE).catch(unlessGone);
  }
}

/** Files that are appended to: whole lines only. */
async function copyLog(from: string, to: string): Promise<Copied> {
  const bytes = await readFile(from).catch(unlessGone);
  if (bytes)
    await writeFile(to, from.endsWith('.jsonl') ? bytes.subarray(0, bytes.lastIndexOf(10) + 1) : bytes);
  return 'no run';
}

function unlessGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/** Paths of all files, from the folder, in order. */
async function filesOf(folder: string, below = ''): Promise<string[]> {
  const entries = await readdir(join(folder, below), { withFileTypes: true });
  const paths = await Promise.all(
    entries
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((entry) =>
        entry.isDirectory() ? filesOf(folder, join(below, entry.name)) : [join(below, entry.name)],
      ),
  );
  return paths.flat();
}
