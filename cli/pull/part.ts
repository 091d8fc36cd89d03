import { open, rm, stat } from 'node:fs/promises';
import { Refusal } from '../../schemas/refusal.js';
import { hashInto, newHash } from './digest.js';
import type { Body, RepoFile } from './hub.js';
import { Interruption, type Patience, persist } from './patience.js';

/** Bytes that a try must have brought to count as getting further. */
const furtherBytes = 2 ** 20;

/** Where a file is gathered until it is whole: named after its bytes, so that no two contents ever mix. */
export const partPath = (path: string, { digest }: RepoFile) => `${path}.${digest.hex.slice(0, 12)}.part`;

export const sizeOf = async (path: string): Promise<number> =>
  (await stat(path).catch(() => undefined))?.size ?? 0;

/**
 * Gathers a file in its part: what an earlier process left is read and kept, the rest is asked for, and the whole is
 * held against the listing's hash and then on disk. A part that was resumed and is wrong is gathered once more.
 * @param read opens the file's bytes from a place on
 * @param got is told of the bytes that are there
 * @throws Refusal for bytes that are not those of the listing, or a disk that takes no more
 */
export async function gather(
  file: RepoFile,
  part: string,
  read: (from: number) => Promise<Body>,
  patience: Patience,
  got: (bytes: number) => void,
): Promise<void> {
  const attempt = () =>
    persist(patience, async (gotFurther) => {
      const before = Math.min(await sizeOf(part), file.size);
      try {
        return await fill(file, part, read, patience.signal, got);
      } finally {
        if ((await sizeOf(part)) >= before + furtherBytes) gotFurther();
      }
    });
  let filled = await attempt();
  if (filled.wrong && filled.kept > 0) {
    patience.note(`${filled.wrong}: what was kept of it is damaged; starting it over`);
    filled = await attempt();
  }
  if (filled.wrong) throw new Refusal(`${filled.wrong}: damaged on its way, or at its source`);
}

/** A part that is full: what is wrong with it, after which it is gone, and how much of it an earlier try had left. */
interface Filled {
  wrong?: string;
  kept: number;
}

async function fill(
  { path, size, digest }: RepoFile,
  part: string,
  read: (from: number) => Promise<Body>,
  signal: AbortSignal,
  got: (bytes: number) => void,
): Promise<Filled> {
  if ((await sizeOf(part)) > size) await rm(part);
  const handle = await open(part, 'a').catch((error: unknown) => refuseDisk(error, part));
  try {
    let { size: bytes } = await handle.stat();
    const kept = bytes;
    let hash = newHash(digest, size);
    if (kept > 0) await hashInto(hash, part, signal);
    got(bytes);
    if (bytes < size) {
      const body = await read(bytes);
      if (body.from !== bytes) {
        await handle.truncate(0);
        hash = newHash(digest, size);
        bytes = 0;
      }
      for await (const chunk of body.chunks) {
        bytes += chunk.byteLength;
        if (bytes > size) break;
        await handle.appendFile(chunk).catch((error: unknown) => refuseDisk(error, part));
        hash.update(chunk);
        got(bytes);
      }
      if (bytes < size) throw new Interruption(`${path}: the connection ended at byte ${bytes} of ${size}`);
    }
    await handle.sync().catch((error: unknown) => refuseDisk(error, part));
    const found = hash.digest('hex');
    if (bytes === size && found === digest.hex) return { kept };
    await rm(part, { force: true });
    if (bytes > size) return { wrong: `${path}: more comes than the ${size} bytes of its listing`, kept };
    return {
      wrong: `${path}: its ${digest.algorithm} is ${found}, the listing says ${digest.hex}`,
      kept,
    };
  } finally {
    await handle.close();
  }
}

const diskTroubles: Record<string, string> = {
  ENOSPC: 'the disk is full: make room; what has come is kept, the same command goes on from there',
  EDQUOT: 'the disk quota is used up: make room; what has come is kept, the same command goes on from there',
  EFBIG: 'this file system takes no file that large',
  EROFS: 'this file system is read-only',
  EACCES: 'this user may not write it',
  EPERM: 'this user may not write it',
  EISDIR: 'a folder lies in its place',
  EIO: 'the disk fails',
};

/** @throws Refusal where the disk is to blame, else the error itself */
export function refuseDisk(error: unknown, path: string): never {
  const trouble = diskTroubles[(error as NodeJS.ErrnoException).code ?? ''];
  if (trouble) throw new Refusal(`${path}: ${trouble}`);
  throw error;
}
