import { eventsBetween } from './live-events.js';
import { clockText, painted, screenLines } from './live-frame.js';
import { type LiveState, nothingHeard, snapshot } from './live-state.js';
import { headline } from './live-text.js';
import { hasColour, isScreen } from './live-view.js';

/** Shows a fleet. `show` may be called as often as anything changes. */
export interface WatchView {
  show(state: LiveState): void;
  /** Leaves the terminal as it was found; from then on nothing is shown. */
  close(): void;
}

type Out = NodeJS.WriteStream;

/** A full screen on a terminal; elsewhere a line for each event, or with `json` a snapshot a line. */
export function createWatchView(out: Out, json: boolean, now: () => number = Date.now): WatchView {
  const view = json ? jsonView(out, now) : isScreen(out) ? screenView(out, now) : lineView(out, now);
  let closed = false;
  return {
    show(state) {
      if (!closed) view.show(state);
    },
    close() {
      if (!closed) view.close();
      closed = true;
    },
  };
}

/** The alternate screen without a cursor, and lines that do not wrap; back again. */
const enter = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const leave = '\x1b[?7h\x1b[?25h\x1b[?1049l';
const minDrawMs = 100;

/** Drawn anew as a whole, so that a terminal of another size is as good as the first. */
function screenView(out: Out, now: () => number): WatchView {
  let last: LiveState | undefined;
  let drawnMs = Number.NEGATIVE_INFINITY;
  let waiting: NodeJS.Timeout | undefined;
  let entered = false;
  const lines = (state: LiveState, colour: boolean) => {
    const size = { columns: out.columns || 80, rows: out.rows || 24 };
    return painted(screenLines(snapshot(state, now(), size.rows), size), size.columns, colour);
  };
  const draw = () => {
    clearTimeout(waiting);
    waiting = undefined;
    if (!last) return;
    drawnMs = now();
    const text = lines(last, hasColour(out)).join('\x1b[K\n');
    out.write(`${entered ? '' : enter}\x1b[H${text}\x1b[J`);
    entered = true;
  };
  /** Ctrl-Z gives the terminal back for as long as we are stopped. */
  const suspend = () => {
    if (entered) out.write(leave);
    entered = false;
    process.kill(process.pid, 'SIGSTOP');
  };
  const resized = () => draw();
  out.on('resize', resized);
  process.on('SIGTSTP', suspend);
  process.on('SIGCONT', resized);
  return {
    show(state) {
      last = state;
      const waitMs = drawnMs + minDrawMs - now();
      if (waitMs <= 0) draw();
      else waiting ??= setTimeout(draw, waitMs).unref();
    },
    close() {
      clearTimeout(waiting);
      out.off('resize', resized);
      process.off('SIGTSTP', suspend);
      process.off('SIGCONT', resized);
      if (!entered || !last) return;
      // What was last seen stays readable in the terminal, all but the last line.
      out.write(`${leave}${lines(last, false).slice(0, -1).join('\n')}\n`);
    },
  };
}

const quietLimitMs = 60_000;

/** A line for each event, and one that tells how far a run is where nothing happened for a while. */
function lineView(out: Out, now: () => number): WatchView {
  let last: LiveState | undefined;
  let lastMs = now();
  const write = (lines: readonly string[]) => {
    if (lines.length === 0) return;
    lastMs = now();
    for (const line of lines) out.write(`${clockText(lastMs)} ${line}\n`);
  };
  return {
    show(state) {
      const before = last ?? nothingHeard(state.fleet);
      last = state;
      write(eventsBetween(before, state));
      const running = state.status?.run && state.status.state !== 'idle';
      if (running && now() - lastMs >= quietLimitMs) write([headline(snapshot(state, now(), 0))]);
    },
    close() {},
  };
}

const jsonEveryMs = 1000;

/** A snapshot a line, at most one a second, for programs. */
function jsonView(out: Out, now: () => number): WatchView {
  let writtenMs = Number.NEGATIVE_INFINITY;
  return {
    show(state) {
      if (now() - writtenMs < jsonEveryMs) return;
      writtenMs = now();
      out.write(`${JSON.stringify(snapshot(state, writtenMs))}\n`);
    },
    close() {},
  };
}
