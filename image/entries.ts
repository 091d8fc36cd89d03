import { createHash } from 'node:crypto';
import { chmod, constants, copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A file of a board: its path there, its rights, and what it is: a text, bytes, another file's copy, or a link. */
export interface Entry {
  path: string;
  mode: number;
  content: string | Uint8Array | { copyOf: string } | { linkTo: string };
}

export const program = 0o755;
export const readable = 0o644;
export const secret = 0o600;

/** Writes entries below a folder. Folders on the way are 0755, or `folderMode`. */
export async function stage(folder: string, entries: readonly Entry[], folderMode = 0o755): Promise<void> {
  for (const { path, mode, content } of entries) {
    const at = join(folder, path);
    await mkdir(dirname(at), { recursive: true, mode: folderMode });
    if (typeof content === 'string' || content instanceof Uint8Array) await writeFile(at, content, { mode });
    else if ('linkTo' in content) {
      await symlink(content.linkTo, at);
      continue;
    } else await copyFile(content.copyOf, at, constants.COPYFILE_FICLONE);
    await chmod(at, mode); // The process's umask has no say in an image.
  }
}

/** SHA-256 over paths, rights and bytes: equal for equal entries, whatever their order and times. */
export async function entriesHash(entries: readonly Entry[]): Promise<string> {
  const all = createHash('sha256');
  for (const entry of [...entries].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const { path, mode, content } = entry;
    all.update(`${path}\0${mode.toString(8)}\0${await contentHash(content)}\n`);
  }
  return all.digest('hex');
}

async function contentHash(content: Entry['content']): Promise<string> {
  const hash = createHash('sha256');
  if (typeof content === 'string' || content instanceof Uint8Array) return hash.update(content).digest('hex');
  if ('linkTo' in content) return `-> ${content.linkTo}`;
  return hash.update(await readFile(content.copyOf)).digest('hex');
}
