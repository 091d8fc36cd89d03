import { open } from 'node:fs/promises';
import type { Epoch } from './clock.js';

/** A file of lines. Its name says under which epoch their times were written. */
export interface Segment {
  number: number;
  /** Undefined in files of former versions. */
  epoch: Epoch | undefined;
  bytes: number;
  /** Bytes of it that need not be read again. */
  taken: number;
}

export interface ReadLimits {
  maxLines: number;
  /** A line that is longer comes alone. */
  maxBytes: number;
}

/** Longer than any line that the rules of messages allow. */
const longestLineBytes = 64 * 1024;

export const nameOf = ({ number, epoch }: Pick<Segment, 'number' | 'epoch'>) =>
  `${String(number).padStart(12, '0')}${epoch ? `.${epoch.boot}.${epoch.startMs}` : ''}.lp`;

/** Undefined for a file that is no segment. */
export function parseName(name: string): Pick<Segment, 'number' | 'epoch'> | undefined {
  const [, number, boot, startMs] = /^(\d{12})(?:\.(\w+)\.(-?\d+))?\.lp$/.exec(name) ?? [];
  if (number === undefined) return undefined;
  const epoch = boot === undefined ? undefined : { boot, startMs: Number(startMs) };
  return { number: Number.parseInt(number, 10), epoch };
}

/**
 * Whole lines of a file's bytes `from` up to `to`.
 * @returns the lines and where the next begins; `to` where the rest holds no whole line
 */
export async function readLines(path: string, from: number, to: number, limits: ReadLimits) {
  let bytes = await readBytes(path, from, Math.min(to, from + limits.maxBytes));
  if (!bytes.includes(10)) bytes = await readBytes(path, from, Math.min(to, from + longestLineBytes));
  const lines: string[] = [];
  let next = 0;
  for (
    let end = bytes.indexOf(10);
    end >= 0 && lines.length < limits.maxLines;
    end = bytes.indexOf(10, next)
  ) {
    lines.push(bytes.toString('utf8', next, end));
    next = end + 1;
    if (next > limits.maxBytes) break;
  }
  return { lines, end: next === 0 ? to : from + next };
}

/** How many lines there are in a file from a byte on. */
export async function countLines(path: string, from: number, to: number): Promise<number> {
  let count = 0;
  for (const byte of await readBytes(path, from, to)) if (byte === 10) count++;
  return count;
}

async function readBytes(path: string, from: number, to: number): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(to - from), 0, to - from, from);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Lines in parts of at most `maxBytes`; a longer line is a part of its own. */
export function* portions(lines: readonly string[], maxBytes: number): Generator<string[]> {
  let part: string[] = [];
  let bytes = 0;
  for (const line of lines) {
    const length = Buffer.byteLength(line) + 1;
    if (part.length > 0 && bytes + length > maxBytes) {
      yield part;
      [part, bytes] = [[], 0];
    }
    part.push(line);
    bytes += length;
  }
  if (part.length > 0) yield part;
}
