import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { leaveToOwner, syncFolder } from '../runtime/files.js';
import { Refusal } from '../schemas/refusal.js';
import type { CertificateRole } from '../schemas/roles.js';
import { textOf } from './bundle.js';
import type { Revoked } from './crl.js';

/** One certificate that was made. */
export interface Issued {
  serial: string;
  name: string;
  role: CertificateRole;
  hosts: string[];
  fromMs: number;
  toMs: number;
}

/** A line of the register: a certificate, that one was taken back, or the authority's own, PEM. */
export type Entry = Issued | { revoked: string; atMs: number } | { authority: string };

/** All that an authority must not forget, beside its key: what is public is made of it. */
export interface Register {
  /** PEM. Where a release before did not keep it, it did not keep either who is revoked. */
  authority?: string;
  /** Oldest first. */
  issued: Issued[];
  revoked: Revoked[];
}

const file = (folder: string) => join(folder, 'issued.jsonl');

/** Adds lines that survive a crash. Call it within `exclusively`. */
export async function register(folder: string, ...entries: Entry[]): Promise<void> {
  const path = file(folder);
  const isTorn = !/(^|\n)$/.test(textOf(path) ?? '');
  const before = await stat(path).catch(() => undefined);
  const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW } = constants;
  const handle = await open(path, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW, 0o600);
  try {
    await leaveToOwner(handle, path, before);
    await handle.appendFile(
      `${isTorn ? '\n' : ''}${entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')}`,
    );
    await handle.sync();
  } finally {
    await handle.close();
  }
  await syncFolder(folder);
}

export function readRegister(folder: string): Register {
  const kept: Register = { issued: [], revoked: [] };
  for (const entry of entriesIn(folder)) {
    if ('authority' in entry) kept.authority = entry.authority;
    else if ('revoked' in entry) kept.revoked.push({ serial: entry.revoked, atMs: entry.atMs });
    else kept.issued.push(entry);
  }
  return kept;
}

/** Serial numbers of all that were taken back. */
export const serialsOf = (revoked: readonly Revoked[]) => new Set(revoked.map(({ serial }) => serial));

/** A line that a crash cut was never anybody's certificate, and nobody was told that one is revoked. */
function entriesIn(folder: string): Entry[] {
  const lines = (textOf(file(folder)) ?? '').split('\n').filter((line) => line !== '');
  return lines.flatMap((line) => {
    try {
      return [JSON.parse(line) as Entry];
    } catch {
      if (line.endsWith('}')) throw new Refusal(`${file(folder)}: a damaged line: ${line.slice(0, 80)}`);
      return [];
    }
  });
}
