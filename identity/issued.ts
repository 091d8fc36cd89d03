import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { leaveToOwner, syncFolder } from '../runtime/files.js';
import { Refusal } from '../schemas/refusal.js';
import type { CertificateRole } from '../schemas/roles.js';
import { textOf } from './bundle.js';

/** One certificate that was made: a line of the register. */
export interface Issued {
  serial: string;
  name: string;
  role: CertificateRole;
  hosts: string[];
  fromMs: number;
  toMs: number;
}

const file = (folder: string) => join(folder, 'issued.jsonl');

/** Adds a line that survives a crash. */
export async function register(folder: string, entry: Issued): Promise<void> {
  const path = file(folder);
  const isTorn = !/(^|\n)$/.test(textOf(path) ?? '');
  const before = await stat(path).catch(() => undefined);
  const handle = await open(path, 'a', 0o600);
  try {
    await leaveToOwner(handle, path, before);
    await handle.appendFile(`${isTorn ? '\n' : ''}${JSON.stringify(entry)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await syncFolder(folder);
}

/** All that were made, oldest first. A line that a crash cut was never anybody's certificate. */
export function issued(folder: string): Issued[] {
  const lines = (textOf(file(folder)) ?? '').split('\n').filter((line) => line !== '');
  return lines.flatMap((line) => {
    try {
      return [JSON.parse(line) as Issued];
    } catch {
      if (line.endsWith('}')) throw new Refusal(`${file(folder)}: a damaged line: ${line.slice(0, 80)}`);
      return [];
    }
  });
}
