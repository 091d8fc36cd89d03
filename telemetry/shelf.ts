import { constants } from 'node:fs';
import {
  access,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal } from '../schemas/refusal.js';
import type { Epoch } from './clock.js';
import { countLines, nameOf, parseName, type ReadLimits, readLines, type Segment } from './segment.js';

const cursorName = 'cursor.json';

/** The files of a spool: segments in the order of their numbers, and how far each was taken. */
export class Shelf {
  readonly segments: Segment[];
  readonly #folder: string;
  readonly #syncEveryMs: number;
  #nextNumber: number;
  #syncedMs = Number.NEGATIVE_INFINITY;

  private constructor(folder: string, syncEveryMs: number, segments: Segment[], nextNumber: number) {
    this.#folder = folder;
    this.#syncEveryMs = syncEveryMs;
    this.segments = segments;
    this.#nextNumber = nextNumber;
  }

  /**
   * @param syncEveryMs a power cut takes what was written since; 0: what is written is on the disk
   * @throws Refusal where the folder can't be made or written
   */
  static async open(folder: string, syncEveryMs: number): Promise<Shelf> {
    try {
      await mkdir(folder, { recursive: true });
      await access(folder, constants.W_OK | constants.X_OK);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new Refusal(
        `telemetry: can't write to ${folder} (${code}): give a folder that this user may write`,
      );
    }
    const taken = parseCursor(await readFile(join(folder, cursorName), 'utf8').catch(() => '{}'));
    const segments: Segment[] = [];
    for (const name of (await readdir(folder)).sort()) {
      const parsed = parseName(name);
      if (!parsed) continue;
      const { size: bytes } = await stat(join(folder, name));
      segments.push({ ...parsed, bytes, taken: Math.min(taken.get(parsed.number) ?? 0, bytes) });
    }
    // Above every number that the cursor knows: a new file must not be taken for one that is gone.
    const last = Math.max(0, ...taken.keys(), ...segments.map(({ number }) => number));
    return new Shelf(folder, syncEveryMs, segments, last + 1);
  }

  get nextNumber(): number {
    return this.#nextNumber;
  }

  /** A new last segment; its file comes with the first write. */
  begin(epoch: Epoch): Segment {
    const segment = { number: this.#nextNumber++, epoch, bytes: 0, taken: 0 };
    this.segments.push(segment);
    return segment;
  }

  /** Writes whole lines to a segment's end. A write that fails, as on a full disk, leaves nothing of itself. */
  async write(segment: Segment, text: Buffer): Promise<void> {
    const path = this.#path(segment);
    try {
      const file = await open(path, 'a');
      try {
        await file.writeFile(text);
        const nowMs = performance.now();
        if (nowMs - this.#syncedMs >= this.#syncEveryMs) {
          await file.datasync();
          this.#syncedMs = nowMs;
        }
      } finally {
        await file.close();
      }
    } catch (error) {
      await truncate(path, segment.bytes).catch(() => {});
      throw error;
    }
    segment.bytes += text.length;
  }

  /** Whole lines that were not taken, and where the next begins. A file that somebody removed has none. */
  async read(segment: Segment, limits: ReadLimits): Promise<{ lines: string[]; end: number }> {
    const { taken, bytes } = segment;
    return readLines(this.#path(segment), taken, bytes, limits).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return { lines: [], end: bytes };
      throw error;
    });
  }

  /** @returns how many lines of it nobody had taken */
  async remove(segment: Segment): Promise<number> {
    const { taken, bytes } = segment;
    const lines = taken < bytes ? await countLines(this.#path(segment), taken, bytes).catch(() => 0) : 0;
    await rm(this.#path(segment), { force: true });
    this.segments.splice(this.segments.indexOf(segment), 1);
    return lines;
  }

  /** Notes how far each segment was taken. */
  async note(): Promise<void> {
    const begun = this.segments.filter(({ taken }) => taken > 0).map(({ number, taken }) => [number, taken]);
    const partial = join(this.#folder, 'cursor.partial');
    try {
      await writeFile(partial, JSON.stringify(Object.fromEntries(begun)));
      await rename(partial, join(this.#folder, cursorName));
    } catch {
      // On a full disk: after a restart some lines go out again, and InfluxDB has each once.
    }
  }

  #path(segment: Segment): string {
    return join(this.#folder, nameOf(segment));
  }
}

/** Number of a segment → bytes taken. Damaged: all is read again, and InfluxDB has each point once. */
function parseCursor(text: string): Map<number, number> {
  try {
    const entries = Object.entries(JSON.parse(text) as Record<string, unknown>);
    return new Map(
      entries
        .map(([number, taken]): [number, number] => [Number(number), Number(taken)])
        .filter(([number, taken]) => Number.isSafeInteger(number) && Number.isSafeInteger(taken)),
    );
  } catch {
    return new Map();
  }
}
