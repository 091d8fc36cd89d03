import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomic } from '../runtime/files.js';

const kept = 2;

/**
 * Adapters that were downloaded, by SHA-256: an evaluation's is the next training's. The last two are kept.
 */
export class AdapterCache {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The bytes; undefined where they are not here, or no longer whole. */
  async get(sha256: string): Promise<Uint8Array | undefined> {
    const path = this.#path(sha256);
    const bytes = await readFile(path).catch(() => undefined);
    if (!bytes || createHash('sha256').update(bytes).digest('hex') !== sha256) return undefined;
    await utimes(path, new Date(), new Date());
    return bytes;
  }

  async put(sha256: string, bytes: Uint8Array): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await writeAtomic(this.#path(sha256), bytes);
    const files = await Promise.all(
      (await readdir(this.#folder)).map(async (name) => {
        const path = join(this.#folder, name);
        return { path, usedMs: (await stat(path)).mtimeMs };
      }),
    );
    const old = files.sort((a, b) => b.usedMs - a.usedMs).slice(kept);
    for (const { path } of old) await rm(path, { force: true });
  }

  #path(sha256: string): string {
    return join(this.#folder, `${sha256}.safetensors`);
  }
}
