import { close, constants, open, read } from 'node:fs';
import { access, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Guard } from './guard.js';
import { answers } from './sensor.js';

const [openFile, readFile, closeFile] = [promisify(open), promisify(read), promisify(close)];

/** Enough for a file of /sys, and small enough that Node has a buffer at hand. */
export const firstBytes = 512;
/** What /proc hands out at once. */
const pageBytes = 4096;
const mostBytes = 64 * 1024;

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

  /** @param path below the root, or absolute and in it. @param maxBytes no more of it is read */
  file(path: string, maxBytes = mostBytes): SmallFile {
    const below = path.startsWith(this.root) ? path : join(this.root, path);
    const file = new SmallFile(below, maxBytes, this.denied);
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
      if (await answers(() => access(path, constants.X_OK))) return path;
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
  readonly #maxBytes: number;
  readonly #denied: string[];
  #fd: number | undefined;
  #closed = false;

  constructor(path: string, maxBytes: number, denied: string[]) {
    this.path = path;
    this.#maxBytes = maxBytes;
    this.#denied = denied;
    this.#guard = new Guard(path);
  }

  /** Its text now, trimmed. @throws errors of the file system, with their `code`; where it does not answer in time */
  text(): Promise<string> {
    return this.#guard.run(async () => {
      try {
        this.#fd ??= await openFile(this.path, 'r');
        return await textOf(this.#fd, this.#maxBytes);
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

async function textOf(fd: number, maxBytes: number): Promise<string> {
  let text = '';
  while (text.length < maxBytes) {
    const size = text === '' ? firstBytes : pageBytes;
    const { bytesRead, buffer } = await readFile(fd, Buffer.allocUnsafe(size), 0, size, text.length);
    text += buffer.toString('latin1', 0, bytesRead);
    // A page of /proc ends with a whole line, so that one which is nearly full is not the last.
    if (bytesRead < (size === firstBytes ? firstBytes : pageBytes / 2)) break;
  }
  return text.trim();
}
