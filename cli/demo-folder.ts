import { existsSync, rmSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';

/** The folder in which a demo works: its logs, its runs until they have ended, and the user's text for its devices. */
export const logsIn = (folder: string) => join(folder, 'logs');
/** The coordinator’s spool. */
export const pointsIn = (folder: string) => join(folder, 'telemetry');
export const devicesIn = (folder: string) => join(folder, 'devices');
export const aloneIn = (folder: string) => join(folder, 'alone');
export const exampleIn = (folder: string) => join(folder, 'example.jsonl');

/** Copies the logs, as they are by now, to where the result is. */
export const keepLogs = (folder: string, home: string) =>
  cp(logsIn(folder), logsIn(home), { recursive: true });

/** Removes what holds text of the user. Synchronous, as a process that exits can do no more. */
export function removeText(folder: string): void {
  if (!existsSync(folder)) return;
  for (const path of [devicesIn(folder), aloneIn(folder), exampleIn(folder)]) remove(path);
}

export function removeAll(folder: string): void {
  if (existsSync(folder)) remove(folder);
}

/** Tried again where a service that was just killed still made a file. */
const remove = (path: string) => rmSync(path, { recursive: true, force: true, maxRetries: 5 });
