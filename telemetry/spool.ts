import { type Clock, correction, type Epoch, epochOf, jumped } from './clock.js';
import { lineTimeMs, retimed } from './point.js';
import { portions, type ReadLimits, type Segment } from './segment.js';
import { Shelf } from './shelf.js';

export interface SpoolOptions {
  maxBytes: number;
  /** A power cut takes what was appended since; 0: an append is on the disk when it resolves. */
  syncEveryMs: number;
  clock: Clock;
  /** Told of lines that are gone before anybody took them. */
  lost(lines: number, reason: string): void;
}

/** live: what came last; old: what has waited since before. */
export type Lane = 'live' | 'old';

/** Lines in their order, their times as the clock is known now, and what ends them or gives them back. */
export interface Batch {
  lines: string[];
  /** Whether the lane may hold more. */
  more: boolean;
  acknowledge(): Promise<void>;
  giveBack(): void;
}

/**
 * Lines kept on disk, bounded: over `maxBytes` the oldest segment goes. New lines go to the last segment, the
 * live one; all others are back-fill. Survives a kill: after one, lines may be read again whose acknowledgement
 * was not yet written. A new segment begins where the machine's clock was set.
 */
export class Spool {
  readonly #shelf: Shelf;
  readonly #options: SpoolOptions;
  /** A full one is followed by the next. */
  readonly #segmentBytes: number;
  /** Segments below it are back-fill, the last one too. */
  #liveFrom: number;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(shelf: Shelf, options: SpoolOptions) {
    this.#shelf = shelf;
    this.#options = options;
    this.#segmentBytes = Math.max(1024, Math.min(2 ** 18, Math.floor(options.maxBytes / 8)));
    this.#liveFrom = shelf.nextNumber; // A kill may have cut a last line short, so nothing follows it there.
  }

  /** @throws Refusal where the folder can't be made or written */
  static async open(folder: string, options: SpoolOptions): Promise<Spool> {
    return new Spool(await Shelf.open(folder, options.syncEveryMs), options);
  }

  /** Bytes of lines that nobody has taken. */
  get waitingBytes(): number {
    return this.#shelf.segments.reduce((sum, { bytes, taken }) => sum + bytes - taken, 0);
  }

  /**
   * @param epoch under which their times were written
   * @returns how many of the lines were kept, the first ones, and what kept the others out
   */
  append(
    lines: readonly string[],
    epoch = epochOf(this.#options.clock),
  ): Promise<{ kept: number; error?: unknown }> {
    return this.#inTurn(async () => {
      let kept = 0;
      try {
        for (const part of portions(lines, this.#segmentBytes)) {
          await this.#shelf.write(this.#forAppend(epoch), Buffer.from(`${part.join('\n')}\n`));
          kept += part.length;
          await this.#shrink();
        }
        return { kept };
      } catch (error) {
        return { kept, error };
      }
    });
  }

  /** The oldest lines of a lane that were not acknowledged; undefined where it has none to give. */
  take(lane: Lane, limits: ReadLimits): Promise<Batch | undefined> {
    return this.#inTurn(async () => {
      for (const segment of this.#lane(lane)) {
        const addMs = correction(segment.epoch, this.#options.clock);
        if (addMs === 'unset') continue;
        if (addMs === 'lost') {
          await this.#drop(segment, 'the clock of their machine was not set before it was started again');
          continue;
        }
        const { lines, end } = await this.#shelf.read(segment, limits);
        if (lines.length > 0) return this.#batch(segment, retimed(lines, addMs), end);
        segment.taken = segment.bytes; // A kill left half a line there.
      }
      return undefined;
    });
  }

  /** When the oldest line that nobody has taken was written; undefined where none waits, or nobody knows. */
  oldestMs(): Promise<number | undefined> {
    return this.#inTurn(async () => {
      const segment = this.#shelf.segments.find(({ bytes, taken }) => taken < bytes);
      const addMs = segment && correction(segment.epoch, this.#options.clock);
      if (typeof addMs !== 'number') return undefined;
      const { lines } = await this.#shelf.read(segment!, { maxLines: 1, maxBytes: 4096 });
      return lines[0] === undefined ? undefined : lineTimeMs(lines[0]) + addMs;
    });
  }

  /** Ends when all that was asked is done. */
  async close(): Promise<void> {
    await this.#turn;
  }

  #live(): Segment | undefined {
    const last = this.#shelf.segments.at(-1);
    return last && last.number >= this.#liveFrom ? last : undefined;
  }

  #lane(lane: Lane): Segment[] {
    const live = this.#live();
    return this.#shelf.segments.filter((s) => (s === live) === (lane === 'live') && s.taken < s.bytes);
  }

  #batch(segment: Segment, lines: string[], end: number): Batch {
    const more = end < segment.bytes || (segment !== this.#live() && this.#lane('old').length > 1);
    const acknowledge = () =>
      this.#inTurn(async () => {
        segment.taken = Math.max(segment.taken, end);
        // What is left in it is late already: what comes from now on goes before it.
        const behind = segment.taken < segment.bytes && this.#isRoomy(segment);
        if (behind && segment === this.#live()) this.#liveFrom = segment.number + 1;
        await this.#tidy();
      });
    return { lines, more, acknowledge, giveBack() {} };
  }

  #forAppend(epoch: Epoch): Segment {
    const live = this.#live();
    const goesOn = live?.epoch && live.bytes < this.#segmentBytes && !jumped(live.epoch, epoch);
    return goesOn ? live : this.#shelf.begin(epoch);
  }

  /** Large enough to be followed by another. */
  #isRoomy({ bytes }: Segment): boolean {
    return bytes >= this.#segmentBytes / 16;
  }

  async #shrink(): Promise<void> {
    const { segments } = this.#shelf;
    const total = () => segments.reduce((sum, { bytes }) => sum + bytes, 0);
    while (total() > this.#options.maxBytes && segments.length > 1)
      await this.#drop(segments[0]!, 'more came than were taken, and the oldest went');
  }

  async #drop(segment: Segment, reason: string): Promise<void> {
    const lines = await this.#shelf.remove(segment);
    if (lines > 0) this.#options.lost(lines, reason);
  }

  async #tidy(): Promise<void> {
    const live = this.#live();
    const isDone = (s: Segment) => s.taken >= s.bytes && (s !== live || this.#isRoomy(s));
    for (const segment of this.#shelf.segments.filter(isDone)) await this.#shelf.remove(segment);
    await this.#shelf.note();
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(act);
    this.#turn = result.catch(() => {});
    return result;
  }
}
