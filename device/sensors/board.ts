import { close, constants, open, read } from 'node:fs';
import { access, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Guard } from './guard.js';

const [openFile, readFile, closeFile] = [promisify(open), promisify(read), promisify(close)];

/** No more of a file's end is read. */
const maxBytes = 64 * 1024;
/** What /sys and /proc hand out at once. */
const pageBytes = 4096;

/** The folders of a machine below its root, and the files of them that are kept open. */
export class Board {
  readonly root: string;
  /** Files that are there, and that this user may not read. */
  readonly denied: string[] = [];
  readonly #files: SmallFile[] = [];

  /** @param root '/' but for tests */
  constructor(root: string) {
    this.root = resolve(root);
  }

  /** @param path below the root, or absolute and in it */
  file(path: string): SmallFile {
    const file = new SmallFile(path.startsWith(this.root) ? path : join(this.root, path), this.denied);
    this.#files.push(file);
    return file;
  }

  /** Paths of what is in a folder, sorted; none where there is no such folder. */
  async list(path: string, name = /./): Promise<string[]> {
    const folder = path.startsWith(this.root) ? path : join(this.root, path);
    const names = await readdir(folder).catch(() => []);
    return names
      .filter((entry) => name.test(entry))
      .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
      .map((entry) => join(folder, entry));
  }

  /** The path of a program of the system, if it is there. */
  async program(name: string): Promise<string | undefined> {
    for (const folder of ['usr/bin', 'usr/local/bin', 'usr/sbin', 'usr/lib/wsl/lib']) {
      const path = join(this.root, folder, name);
      if (
        await access(path, constants.X_OK).then(
          () => true,
          () => false,
        )
      )
        return path;
    }
    return undefined;
  }

  async close(): Promise<void> {
    await Promise.all(this.#files.map((file) => file.close()));
  }
}

/** A file of /sys or /proc, kept open: mostly one system call a reading, a tenth of what opening it costs. */
export class SmallFile {
  readonly path: string;
  readonly #guard: Guard;
  readonly #denied: string[];
  #fd: number | undefined;
  #closed = false;

  constructor(path: string, denied: string[] = []) {
    this.path = path;
    this.#denied = denied;
    this.#guard = new Guard(path);
  }

  /** Its text now, trimmed. @throws errors of the file system, with their `code`; where it does not answer in time */
  text(): Promise<string> {
    return this.#guard.run(async () => {
      try {
        this.#fd ??= await openFile(this.path, 'r');
        return await wholeOf(this.#fd);
      } catch (error) {
        await this.#release(); // What comes back after it has vanished is another file.
        throw error;
      } finally {
        if (this.#closed) await this.#release();
      }
    });
  }

  /** @throws as text does, and where it is no whole number */
  async number(): Promise<number> {
    const text = await this.text();
    if (!/^-?\d+$/.test(text)) throw new Error(`${this.path}: "${text.slice(0, 40)}" is no number`);
    return Number(text);
  }

  /** As number; undefined where there is none. For the search, not for readings. */
  ifNumber(): Promise<number | undefined> {
    return this.number().catch((error) => this.#note(error));
  }

  ifText(): Promise<string | undefined> {
    return this.text().catch((error) => this.#note(error));
  }

  #note(error: NodeJS.ErrnoException): undefined {
    if (error.code === 'EACCES' || error.code === 'EPERM') this.#denied.push(this.path);
  }

  /** A reading that hangs keeps its file: closing it could hang as well. */
  async close(): Promise<void> {
    this.#closed = true;
    if (!this.#guard.hangs) await this.#release();
  }

  async #release(): Promise<void> {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) await closeFile(fd).catch(() => {});
  }
}

async function wholeOf(fd: number): Promise<string> {
  let text = '';
  while (text.length < maxBytes) {
    const { bytesRead, buffer } = await readFile(
      fd,
      Buffer.allocUnsafe(pageBytes),
      0,
      pageBytes,
      text.length,
    );
    text += buffer.toString('latin1', 0, bytesRead);
    if (bytesRead < pageBytes / 2) break; // A page that is fuller may have been cut at a line.
  }
  return text.trim();
}
