import { existsSync, statSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { told } from '../../runtime/log.js';
import { Refusal } from '../../schemas/refusal.js';
import type { RunSummary } from '../../schemas/status.js';
import { nearestWord } from '../suggestion.js';
import { parseSummary } from './summary.js';

export interface RunFolder {
  folder: string;
  summary: RunSummary;
}

const summaryName = 'summary.json';
const maxSummaryBytes = 256 * 2 ** 20;

/**
 * The run that a word means: a name in the folder of runs, `latest`, or a path to a run's folder or summary.
 * @throws Refusal where there is none, it has not ended, or its summary can't be read
 */
export async function findRun(word: string, runs: string): Promise<RunFolder> {
  if (word === 'latest') return latestRun(runs);
  const named = join(runs, word);
  if (!/[\\/]/.test(word) && word !== '.' && word !== '..' && isFolder(named)) return readRun(named);
  if (existsSync(word)) return readRun(isFolder(word) ? word : dirname(word));
  const names = await runNames(runs);
  const near = nearestWord(word, names);
  throw new Refusal(
    `no run "${word}"${near ? `: did you mean ${near}?` : ''}\n` +
      (names.length === 0
        ? nothing(runs)
        : `${runs} has ${listed(names)}; "latest" is the one that ended last`),
  );
}

/** Where points of a run lie, as far as there are such folders: in its own, where the demo keeps them, or beside it. */
export const pointFolders = (folder: string): string[] =>
  [join(folder, 'telemetry'), join(resolve(folder), '..', 'telemetry')].filter(isFolder);

async function latestRun(runs: string): Promise<RunFolder> {
  const found = await Promise.allSettled((await runNames(runs)).map((name) => readRun(join(runs, name))));
  const ended = found.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const [latest] = ended.toSorted((a, b) => Date.parse(b.summary.endedAt) - Date.parse(a.summary.endedAt));
  if (latest) return latest;
  const [unread] = found.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  throw unread ?? new Refusal(nothing(runs));
}

async function readRun(folder: string): Promise<RunFolder> {
  const path = join(folder, summaryName);
  try {
    const { size } = await stat(path);
    if (size > maxSummaryBytes) throw new Refusal(`${path} has ${size} bytes: more than any run’s summary`);
    return { folder, summary: parseSummary(await readFile(path, 'utf8'), path) };
  } catch (cause) {
    if (cause instanceof Refusal) throw cause;
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new Refusal(`can’t read ${path}: ${told(cause)}`);
    throw new Refusal(
      existsSync(join(folder, 'journal.jsonl'))
        ? `run ${basename(resolve(folder))} has not ended: fleetune watch shows it, and its report can be made then`
        : `${folder} is no run’s folder: it has no ${summaryName}`,
    );
  }
}

/** Folders that hold a run, ended or not. */
async function runNames(runs: string): Promise<string[]> {
  const names = await readdir(runs).catch(() => []);
  const isRun = (name: string) =>
    [summaryName, 'journal.jsonl'].some((file) => existsSync(join(runs, name, file)));
  return names.filter(isRun).sort();
}

const isFolder = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

const nothing = (runs: string) =>
  `there is no run in ${runs}: give the coordinator’s folder by --runs, or a run’s path`;

const listed = (names: readonly string[]) =>
  names.length > 5 ? `${names.length} runs, the last ${names.slice(-3).join(', ')}` : names.join(', ');
