import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomic } from '../../runtime/files.js';
import type { Digest } from './digest.js';

/** What a pull has put into a folder, beside the files: a second one need not read gigabytes to know them. */
export interface PullRecord {
  model: string;
  endpoint: string;
  revision: string;
  commit: string;
  files: Record<string, { size: number; mtimeMs: number; digest: Digest }>;
}

export const recordFile = '.fleetune-pull.json';

/** undefined where nobody pulled, or what lies there can't be read. */
export async function readRecord(folder: string): Promise<PullRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(join(folder, recordFile), 'utf8')) as PullRecord;
    return typeof record.model === 'string' && typeof record.files === 'object' ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a file is still the one that was recorded, by its size and time. */
export async function isAsRecorded(
  folder: string,
  name: string,
  record: PullRecord | undefined,
): Promise<boolean> {
  const seen = record && Object.hasOwn(record.files, name) ? record.files[name] : undefined;
  const found = await stat(join(folder, name)).catch(() => undefined);
  return seen !== undefined && found?.size === seen.size && found.mtimeMs === seen.mtimeMs;
}

export async function writeRecord(
  folder: string,
  pulled: Omit<PullRecord, 'files'>,
  files: readonly { path: string; size: number; digest: Digest }[],
): Promise<void> {
  const entries: PullRecord['files'] = {};
  for (const { path, size, digest } of files)
    entries[path] = { size, mtimeMs: (await stat(join(folder, path))).mtimeMs, digest };
  const record: PullRecord = { ...pulled, files: entries };
  await writeAtomic(join(folder, recordFile), `${JSON.stringify(record, null, 2)}\n`);
}
