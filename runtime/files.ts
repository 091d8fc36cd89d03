import { constants, existsSync } from 'node:fs';
import { access, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Refusal } from '../schemas/refusal.js';

let writes = 0;

/**
 * Replaces a file so that a crash leaves the old or the new one, whole and on disk.
 * @param mode of the new file, before the umask: 0o600 for a secret
 */
export async function writeAtomic(path: string, data: string | Uint8Array, mode = 0o666): Promise<void> {
  const partial = `${path}.${process.pid}-${writes++}.partial`; // Two writes of one file may be under way.
  const file = await open(partial, 'w', mode);
  try {
    await file.writeFile(data);
    await file.sync();
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true }); // A full disk is not to be filled with parts.
    throw error;
  } finally {
    await file.close();
  }
  await syncFolder(dirname(path));
}

/** Makes names written into a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Makes a folder that can be written to. @throws Refusal that names the folder and its use */
export async function requireFolder(path: string, use: string): Promise<void> {
  try {
    await makeFolders(resolve(path));
    await access(path, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new Refusal(`${use}: can't write to ${path} (${code}): give a folder that this user may write`);
  }
}

/** As mkdir's own recursion, which on Node 20 never ends where a parent refuses with ENOENT, as /proc does. */
async function makeFolders(path: string): Promise<void> {
  if (existsSync(path)) return;
  await makeFolders(dirname(path));
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}
