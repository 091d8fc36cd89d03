import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '../runtime/files.js';
import type { Chunk } from '../schemas/messages.js';
import { sizeOf } from './run-store.js';

export interface UploadLimits {
  maxUpdateBytes: number;
  maxChunks: number;
}

/**
 * Bytes of every chunk but the last, deduced from one of them, which is well formed by itself (schemas/).
 * @returns the reason in words where the chunk can't be a part of what it says it is
 */
export function chunkBytesOf(chunk: Chunk, limits: UploadLimits): number | string {
  const { index, count, totalBytes, data } = chunk;
  if (totalBytes > limits.maxUpdateBytes)
    return `it has ${totalBytes} bytes, at most ${limits.maxUpdateBytes} (maxUpdateBytes)`;
  if (count > limits.maxChunks) return `it has ${count} chunks, at most ${limits.maxChunks}`;
  const isLast = index === count - 1;
  const each = !isLast || count === 1 ? data.length : (totalBytes - data.length) / (count - 1);
  const fits = Number.isInteger(each) && each >= 1 && Math.ceil(totalBytes / each) === count;
  const size = isLast ? totalBytes - (count - 1) * each : each;
  return fits && data.length === size
    ? each
    : `chunk ${index} has ${data.length} bytes, which fit no ${count} chunks`;
}

/**
 * The part file of one device's upload. What it holds is all there is to know, so a restart resumes by
 * itself: chunks are written in order, each on disk before the next is asked for.
 */
export class Upload {
  readonly #folder: string;
  readonly #deviceId: string;
  readonly #sha256: string;

  constructor(folder: string, deviceId: string, sha256: string) {
    this.#folder = folder;
    this.#deviceId = deviceId;
    this.#sha256 = sha256;
  }

  get #part(): string {
    return join(this.#folder, `${this.#deviceId}.${this.#sha256.slice(0, 16)}.part`);
  }

  /** Takes a chunk where it is the next one. @returns the next that is wanted; `count` when all are there */
  async take(chunk: Chunk, chunkBytes: number): Promise<number> {
    const size = await sizeOf(this.#part);
    const have = size >= chunk.totalBytes ? chunk.count : Math.floor(size / chunkBytes);
    if (chunk.index !== have) return have;
    if (have === 0) await this.#begin();
    const file = await open(this.#part, have === 0 ? 'w' : 'r+');
    try {
      let written = 0;
      while (written < chunk.data.length) {
        const left = chunk.data.length - written;
        written += (await file.write(chunk.data, written, left, have * chunkBytes + written)).bytesWritten;
      }
      await file.datasync();
    } finally {
      await file.close();
    }
    return have + 1;
  }

  /** The whole update; undefined, and gone, where its bytes are not those announced. */
  async read(): Promise<Uint8Array | undefined> {
    const bytes = await readFile(this.#part);
    if (createHash('sha256').update(bytes).digest('hex') === this.#sha256) return bytes;
    await this.drop();
    return undefined;
  }

  /** Gives the whole update its place. */
  async keep(path: string): Promise<void> {
    await rename(this.#part, path);
    await syncFolder(this.#folder);
  }

  async drop(): Promise<void> {
    await rm(this.#part, { force: true });
  }

  /** One unfinished upload a device and task: another sha256 replaces it. */
  async #begin(): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    for (const name of await readdir(this.#folder))
      if (name.startsWith(`${this.#deviceId}.`) && name.endsWith('.part')) await rm(join(this.#folder, name));
    await syncFolder(join(this.#folder, '..'));
  }
}
