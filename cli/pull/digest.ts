import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** What the hub's listing says of a file's bytes: SHA-256 of large ones, for small ones the name git has for them. */
export interface Digest {
  algorithm: 'sha256' | 'git sha1';
  hex: string;
}

/** A hash that has read nothing of the file yet. @param size of the whole file, which git hashes first */
export const newHash = ({ algorithm }: Digest, size: number): Hash =>
  algorithm === 'sha256' ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);

/** Reads what is there of a file into a hash. */
export async function hashInto(hash: Hash, path: string, signal: AbortSignal): Promise<void> {
  for await (const piece of createReadStream(path, { highWaterMark: 2 ** 20, signal }))
    hash.update(piece as Buffer);
}
