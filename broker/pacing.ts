import type { Duplex } from 'node:stream';

/** What is read at once between packets: a reader of thousands of tiny ones would let nobody else have a turn. */
const pieceBytes = 1024;

interface Reading {
  /** Bytes to come of the packet that was begun. */
  remaining(): number;
  /** Whether anything may be read now. */
  open(): boolean;
}

/** What a connection's reader does next. */
export interface Pace {
  /** Nothing is read for so many milliseconds from now, or longer where that was said before. */
  hold(waitMs: number): void;
  /** There may be something to read. */
  again(): void;
}

/**
 * Lets a connection's reader take turns: it reads a small piece at a time, or the rest of a large packet, and while it
 * is held, nothing. Nothing is lost, as TCP holds the sender back.
 */
export function paceReads(connection: Duplex, { remaining, open }: Reading): Pace {
  const read = connection.read.bind(connection);
  const again = () => void connection.emit('readable');
  let timer: NodeJS.Timeout | undefined;
  let untilMs = 0;
  let parsing = false;
  connection.read = (size) => {
    if (size === 0) return read(0); // Node itself, which asks for more and drops what it is given.
    // A parser that is given more while it works on a piece would take it as coming before the rest.
    if (timer || parsing || !open()) return null;
    const bytes = Math.max(pieceBytes, remaining());
    const piece = connection.readableLength > bytes ? read(bytes) : read();
    if (piece !== null) {
      parsing = true;
      setImmediate(() => {
        parsing = false;
        again();
      });
    }
    return piece;
  };
  connection.once('close', () => clearTimeout(timer));
  const hold = (waitMs: number) => {
    if (performance.now() + waitMs <= untilMs) return;
    untilMs = performance.now() + waitMs;
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = undefined;
      again();
    }, waitMs);
  };
  return { hold, again };
}
