import { constants } from 'node:fs';
import {
  access,
  appendFile,
  mkdir,
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

interface Segment {
  number: number;
  bytes: number;
}

/** Lines in their order, and what says that they need not be read again. */
export interface SpoolBatch {
  lines: string[];
  acknowledge(): Promise<void>;
}

/**
 * Lines kept on disk in numbered segments, bounded: over `maxBytes` the oldest segment goes, and what was
 * unread in it is counted as dropped. Survives a kill; after one, lines may be read again whose
 * acknowledgement was not yet written.
 */
export class Spool {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #segmentBytes: number;
  #segments: Segment[] = [];
  #cursor = { number: 0, offset: 0 };
  #dropped = 0;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(folder: string, maxBytes: number) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#segmentBytes = Math.max(1024, Math.min(1 << 20, Math.floor(maxBytes / 8)));
  }

  /** @throws Refusal where the folder can't be made or written */
  static async open(folder: string, maxBytes: number): Promise<Spool> {
    const spool = new Spool(folder, maxBytes);
    try {
      await mkdir(folder, { recursive: true });
      await access(folder, constants.W_OK | constants.X_OK);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new Refusal(
        `telemetry: can't write to ${folder} (${code}): give a folder that this user may write`,
      );
    }
    await spool.#load();
    return spool;
  }

  /** Lines that were dropped unread since the spool was opened. */
  get dropped(): number {
    return this.#dropped;
  }

  append(lines: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      if (lines.length === 0) return;
      const text = Buffer.from(`${lines.join('\n')}\n`);
      let last = this.#segments.at(-1);
      if (!last || last.bytes >= this.#segmentBytes) {
        last = { number: (last?.number ?? this.#cursor.number) + 1, bytes: 0 };
        this.#segments.push(last);
      }
      await appendFile(this.#path(last.number), text);
      last.bytes += text.length;
      await this.#shrink();
    });
  }

  /**
   * The oldest lines not yet acknowledged, `maxLines` at most and of one segment; none where all were read.
   */
  peek(maxLines: number): Promise<SpoolBatch> {
    return this.#inTurn(async () => {
      const segment = this.#segments.find(
        ({ number, bytes }) =>
          number > this.#cursor.number || (number === this.#cursor.number && bytes > this.#cursor.offset),
      );
      if (!segment) return { lines: [], acknowledge: async () => {} };
      const from = segment.number === this.#cursor.number ? this.#cursor.offset : 0;
      const text = (await readFile(this.#path(segment.number))).subarray(from).toString();
      const lines = text.split('\n').slice(0, -1).slice(0, maxLines);
      const end = from + lines.reduce((bytes, line) => bytes + Buffer.byteLength(line) + 1, 0);
      return { lines, acknowledge: () => this.#acknowledge(segment.number, end) };
    });
  }

  /** Ends when all that was asked is on disk. */
  async close(): Promise<void> {
    await this.#turn;
  }

  #acknowledge(number: number, offset: number): Promise<void> {
    return this.#inTurn(async () => {
      if (number < this.#cursor.number) return;
      this.#cursor = { number, offset };
      const partial = join(this.#folder, 'cursor.partial');
      await writeFile(partial, JSON.stringify(this.#cursor));
      await rename(partial, join(this.#folder, 'cursor.json'));
      const read = this.#segments.filter((s, i) => this.#isRead(s) && i < this.#segments.length - 1);
      for (const segment of read) await this.#remove(segment);
    });
  }

  #isRead({ number, bytes }: Segment): boolean {
    return number < this.#cursor.number || (number === this.#cursor.number && this.#cursor.offset >= bytes);
  }

  async #shrink(): Promise<void> {
    let total = this.#segments.reduce((bytes, segment) => bytes + segment.bytes, 0);
    while (total > this.#maxBytes && this.#segments.length > 1) {
      const oldest = this.#segments[0]!;
      total -= oldest.bytes;
      if (!this.#isRead(oldest)) {
        const from = oldest.number === this.#cursor.number ? this.#cursor.offset : 0;
        const unread = (await readFile(this.#path(oldest.number))).subarray(from);
        this.#dropped += unread.toString().split('\n').length - 1;
      }
      await this.#remove(oldest);
    }
  }

  async #remove(segment: Segment): Promise<void> {
    await rm(this.#path(segment.number), { force: true });
    this.#segments = this.#segments.filter((other) => other !== segment);
  }

  async #load(): Promise<void> {
    const names = (await readdir(this.#folder)).filter((name) => /^\d{12}\.lp$/.test(name)).sort();
    for (const name of names) {
      const number = Number.parseInt(name, 10);
      this.#segments.push({ number, bytes: (await stat(this.#path(number))).size });
    }
    const last = this.#segments.at(-1);
    if (last) {
      // A kill may have cut the last line short.
      const whole = (await readFile(this.#path(last.number))).lastIndexOf(10) + 1;
      if (whole < last.bytes) await truncate(this.#path(last.number), whole);
      last.bytes = whole;
    }
    const text = await readFile(join(this.#folder, 'cursor.json'), 'utf8').catch(() => '{}');
    const { number = 0, offset = 0 } = parsedCursor(text);
    this.#cursor = { number, offset };
  }

  #path(number: number): string {
    return join(this.#folder, `${String(number).padStart(12, '0')}.lp`);
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(act);
    this.#turn = result.catch(() => {});
    return result;
  }
}

function parsedCursor(text: string): { number?: number; offset?: number } {
  try {
    return JSON.parse(text) as { number?: number; offset?: number };
  } catch {
    return {}; // Read again from the start: InfluxDB holds a point once, however often it is written.
  }
}
