import { bytesText, secondsText } from '../tables.js';

/** Shows how a pull goes. */
export interface PullView {
  /** Bytes that are to be there in the end, of what was missing at the start. */
  total(bytes: number): void;
  /** A file has so many of its bytes. */
  file(file: { path: string; size: number }, bytes: number): void;
  done(file: { path: string; size: number }): void;
  /** A line that stays. */
  note(text: string): void;
  end(): void;
}

const redrawMs = 100;
const plainLineMs = 10_000;

/** On a terminal a line that is drawn anew, elsewhere a plain line a file and every ten seconds. */
export function createPullView(out: NodeJS.WriteStream, now: () => number = Date.now): PullView {
  const sum = { total: 0, done: 0, atStart: 0, startMs: now(), drawnMs: now(), isDrawn: false };
  const clear = () => {
    if (sum.isDrawn) out.write('\r\x1b[K');
    sum.isDrawn = false;
  };
  const line = (path: string, size: number, bytes: number) => {
    const at = sum.done + bytes;
    const seconds = (now() - sum.startMs) / 1000;
    const rate = seconds > 0 ? Math.max(0, at - sum.atStart) / seconds : 0;
    const left = rate > 0 ? `, ${secondsText((sum.total - at) / rate)} left` : '';
    const percent = Math.floor((100 * bytes) / Math.max(1, size));
    return `${path}  ${percent} % of ${bytesText(size)}  (${bytesText(rate)}/s${left})`;
  };
  return {
    total(bytes) {
      Object.assign(sum, { total: bytes, done: 0, atStart: -1, startMs: now() });
    },
    file({ path, size }, bytes) {
      if (sum.atStart < 0) sum.atStart = bytes; // What was kept says nothing of the link's speed.
      const every = out.isTTY ? redrawMs : plainLineMs;
      if (now() - sum.drawnMs < every) return;
      sum.drawnMs = now();
      const text = line(path, size, bytes);
      if (!out.isTTY) return void out.write(`${text}\n`);
      out.write(`\r${text.slice(0, Math.max(20, out.columns || 80) - 1)}\x1b[K`);
      sum.isDrawn = true;
    },
    done({ path, size }) {
      sum.done += size;
      clear();
      out.write(`${path}  ${bytesText(size)}\n`);
    },
    note(text) {
      clear();
      out.write(`${text}\n`);
    },
    end: clear,
  };
}
