import { createHash } from 'node:crypto';
import { open, readdir, readFile, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { isNoRoom } from '../runtime/disk-trouble.js';
import { requireFolder, writeAtomic } from '../runtime/files.js';
import { encode } from '../schemas/codec.js';
import type { TaskKey, Update } from '../schemas/messages.js';
import { Refusal } from '../schemas/refusal.js';

/** An update on disk, and whether a receipt has ended it. */
export interface Finished {
  key: TaskKey;
  baseSha256: string;
  sha256: string;
  totalBytes: number;
  settled: boolean;
  /** Of its task: computation and download; absent in what former versions left. */
  computedS?: number;
  downS?: number;
  /** Of its task; absent: 0. */
  term?: number;
}

/**
 * What a device must still know after a kill: the last update that it finished. `finished.json` names the
 * bytes in `finished.update` by their hash and is written after them, so the two agree or there is none.
 */
export class Journal {
  readonly #folder: string;
  #finished: Finished | undefined;
  #missedBytes = 0;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws Refusal where the folder can't be written */
  static async open(folder: string): Promise<Journal> {
    await requireFolder(folder, 'state');
    for (const name of await readdir(folder))
      if (/^(finished|session).*\.partial$/.test(name)) await rm(join(folder, name)); // Of a kill in mid-write.
    const journal = new Journal(folder);
    journal.#finished = await journal.#load();
    return journal;
  }

  get finished(): Finished | undefined {
    return this.#finished;
  }

  /**
   * @param bytes of an update; none: of the one for which there was no room
   * @throws Refusal where it would not fit in the place of the last one
   */
  async requireRoom(bytes = this.#missedBytes): Promise<void> {
    this.#missedBytes = 0;
    const { bavail, bsize, blocks } = await statfs(this.#folder);
    if (blocks === 0) return; // One that does not tell, as in memory.
    const room = bavail * bsize + (this.#finished?.totalBytes ?? 0);
    if (room >= bytes) return;
    this.#missedBytes = bytes;
    const inKb = (count: number) => `${Math.ceil(count / 1000)} kB`;
    throw new Refusal(`the disk of its state has room for ${inKb(room)}, its update takes ${inKb(bytes)}`);
  }

  /** Puts an update on disk, in the place of the last one. */
  async finish(update: Update, term = 0): Promise<Finished> {
    const bytes = encode('Update', update);
    const { key, baseSha256, measures } = update;
    const { seconds: computedS, downS = 0 } = measures;
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    await this.drop();
    await writeAtomic(this.#bytes, bytes);
    const rest = { settled: false, term, computedS, downS };
    return this.#record({ key, baseSha256, sha256, totalBytes: bytes.length, ...rest });
  }

  /** A receipt ended the offer; the bytes stay, in case that the coordinator asks again. */
  async settle(): Promise<void> {
    if (this.#finished) await this.#record({ ...this.#finished, settled: true });
  }

  async drop(): Promise<void> {
    this.#finished = undefined;
    await rm(this.#head, { force: true });
    await rm(this.#bytes, { force: true });
  }

  /** Bytes `from` up to `to` of the finished update. */
  async read(from: number, to: number): Promise<Uint8Array> {
    const file = await open(this.#bytes);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(to - from), 0, to - from, from);
      if (bytesRead < to - from) throw new Error(`${this.#bytes} was cut short`);
      return buffer;
    } finally {
      await file.close();
    }
  }

  /** A number above all former ones, though a board without a clock's battery goes back in time. */
  async nextSession(nowMs: number): Promise<number> {
    const path = join(this.#folder, 'session');
    const last = Number(await readFile(path, 'utf8').catch(() => '0'));
    const session = Math.max(nowMs, Number.isSafeInteger(last) ? last + 1 : 0);
    await writeAtomic(path, String(session)).catch((error) => {
      if (!isNoRoom(error)) throw error; // A device on a full disk is there, and says what it lacks.
    });
    return session;
  }

  get #head(): string {
    return join(this.#folder, 'finished.json');
  }

  get #bytes(): string {
    return join(this.#folder, 'finished.update');
  }

  async #record(finished: Finished): Promise<Finished> {
    await writeAtomic(this.#head, JSON.stringify(finished));
    this.#finished = finished;
    return finished;
  }

  async #load(): Promise<Finished | undefined> {
    try {
      const finished = JSON.parse(await readFile(this.#head, 'utf8')) as Finished;
      const bytes = await readFile(this.#bytes);
      const whole = createHash('sha256').update(bytes).digest('hex') === finished.sha256;
      return whole ? finished : undefined;
    } catch {
      return undefined; // Nothing finished, or not whole: the task is done again when it is told again.
    }
  }
}
