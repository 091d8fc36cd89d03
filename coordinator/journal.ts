import { type FileHandle, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isNoRoom } from '../runtime/disk-trouble.js';
import { syncFolder, writeAtomic } from '../runtime/files.js';
import { told } from '../runtime/log.js';
import { Refusal } from '../schemas/refusal.js';

/** What a journal holds, and how much of its file that is. */
export interface JournalContent<T> {
  entries: T[];
  wholeBytes: number;
  /** A crash cut its last line, which never took effect. */
  torn: boolean;
}

/**
 * Reads a journal: one JSON object a line. A last line that is cut or unreadable is left out.
 * @throws Refusal that names the line where one before the last is damaged
 */
export async function readJournal<T>(path: string): Promise<JournalContent<T>> {
  const bytes = await readFile(path);
  const entries: T[] = [];
  let wholeBytes = 0;
  while (wholeBytes < bytes.length) {
    const end = bytes.indexOf(10, wholeBytes);
    const entry = end < 0 ? undefined : parsed(bytes.toString('utf8', wholeBytes, end));
    if (entry === undefined) {
      if (end >= 0 && end + 1 < bytes.length)
        throw new Refusal(`${path}: line ${entries.length + 1} is damaged: mend it, or move its folder away`);
      return { entries, wholeBytes, torn: true };
    }
    entries.push(entry as T);
    wholeBytes = end + 1;
  }
  return { entries, wholeBytes, torn: false };
}

function parsed(line: string): object | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'kind' in value ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * An append-only file of entries. An entry is on disk when `append` resolves, and only then may take effect.
 */
export class Journal<T extends { kind: string }> {
  readonly #file: FileHandle;
  readonly #path: string;
  #bytes: number;

  private constructor(file: FileHandle, path: string, bytes: number) {
    this.#file = file;
    this.#path = path;
    this.#bytes = bytes;
  }

  /**
   * Opens at the end of what is whole: a torn last line is cut off. In a file of its own, as long as there is room for
   * one: who had the journal before and only stood still, as a frozen container, writes into none that counts.
   */
  static async open<T extends { kind: string }>(path: string, wholeBytes: number): Promise<Journal<T>> {
    if (wholeBytes > 0) {
      const whole = (await readFile(path)).subarray(0, wholeBytes);
      await writeAtomic(path, whole).catch((error) => {
        if (!isNoRoom(error)) throw error;
      });
    }
    const file = await open(path, wholeBytes > 0 ? 'r+' : 'w');
    await file.truncate(wholeBytes);
    await file.datasync();
    await syncFolder(dirname(path));
    return new Journal(file, path, wholeBytes);
  }

  /** @throws Error when the disk does not take it; then nothing was appended */
  async append(entry: T): Promise<void> {
    const line = Buffer.from(`${JSON.stringify(entry)}\n`);
    try {
      let written = 0;
      while (written < line.length)
        written += (await this.#file.write(line, written, line.length - written, this.#bytes + written))
          .bytesWritten;
      await this.#file.datasync();
    } catch (cause) {
      await this.#file.truncate(this.#bytes); // Half a line now would be a damaged middle later.
      throw new Error(`can't write ${this.#path} (${told(cause)})`, { cause });
    }
    this.#bytes += line.length;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
