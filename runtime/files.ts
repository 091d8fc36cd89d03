import { randomBytes } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { access, type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Refusal } from '../schemas/refusal.js';

/**
 * Replaces a file so that a crash leaves the old or the new one, whole and on disk. It keeps its owner and its mode.
 * @param mode of a new file, whatever the umask, and the most of an old one: 0o600 for a secret; none: as the umask has it
 */
export async function writeAtomic(path: string, data: string | Uint8Array, mode?: number): Promise<void> {
  // Two writes of one file may be under way, and in the folder of another nobody is to have put a link there.
  const partial = `${path}.${randomBytes(8).toString('hex')}.partial`;
  const before = await stat(path).catch(() => undefined);
  const most = mode ?? 0o666;
  const file = await open(partial, 'wx', most);
  try {
    await leaveToOwner(file, path, before);
    const wanted = before ? before.mode & most : mode;
    if (wanted !== undefined) await file.chmod(wanted).catch(unlessRefused);
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

/**
 * Leaves a file to who had it or, where root makes a new one, whose its folder is: what an operator changes by sudo
 * is still the service's to read. In a folder that is everybody's, as /tmp, anybody may have put a file there to be
 * given what is written.
 * @param before what stood in its place
 */
export async function leaveToOwner(
  file: FileHandle,
  path: string,
  before: { uid: number; gid: number } | undefined,
): Promise<void> {
  const folder = await stat(dirname(path));
  const isEverybodys = (folder.mode & 0o1002) !== 0;
  const owner = before ?? (process.getuid?.() === 0 ? folder : undefined);
  if (!owner || isEverybodys) return;
  const { uid, gid } = await file.stat();
  if (uid !== owner.uid || gid !== owner.gid) await file.chown(owner.uid, owner.gid).catch(unlessRefused);
}

/** Only root gives files away, and some disks know neither owners nor modes: whose it is then is the disk's affair. */
function unlessRefused(error: NodeJS.ErrnoException): void {
  if (!/^E(PERM|INVAL|NOSYS|NOTSUP|OPNOTSUPP)$/.test(error.code ?? '')) throw error;
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

/**
 * Makes a folder that can be written to. What root makes is left to whose the folder around it is, as files are.
 * @param mode of a new one; none: as the umask has it
 * @throws Refusal that names the folder and its use
 */
export async function requireFolder(path: string, use: string, mode?: number): Promise<void> {
  try {
    await makeFolders(resolve(path), mode);
    await access(path, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new Refusal(`${use}: can't write to ${path} (${code}): give a folder that this user may write`);
  }
}

/** The folder, or the nearest above it that is there. */
export async function nearest(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found || dirname(path) === path ? path : nearest(dirname(path));
}

/** As mkdir's own recursion, which on Node 20 never ends where a parent refuses with ENOENT, as /proc does. */
async function makeFolders(path: string, mode?: number): Promise<void> {
  if (existsSync(path)) return;
  await makeFolders(dirname(path));
  try {
    await mkdir(path, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw error;
  }
  if (process.getuid?.() !== 0) return;
  // Whose the folder around it is may have put a link in its place by now: that is not what root gives away.
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  await leaveToOwner(folder, path, undefined).finally(() => folder.close());
}
