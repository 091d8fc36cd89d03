import { blockLines, painted } from './live-frame.js';
import { type LiveState, snapshot } from './live-state.js';
import { headline } from './live-text.js';

/** Shows how a run goes. `show` may be called as often as anything changes. */
export interface LiveView {
  show(state: LiveState): void;
  /** A line that stays, above what is redrawn. */
  note(text: string): void;
  /** Takes the block away; the next `show` draws a new one. */
  end(): void;
  /** As `end`, and from then on nothing is shown. */
  close(): void;
}

const quietLimitMs = 15_000;

/** On a terminal a block that is drawn anew, elsewhere a plain line whenever the run gets further. */
export function createLiveView(out: NodeJS.WriteStream, now: () => number = Date.now): LiveView {
  const view = isScreen(out) ? terminalView(out, now) : plainView(out, now);
  let closed = false;
  return {
    ...view,
    show(state) {
      if (!closed) view.show(state);
    },
    note(text) {
      if (!closed) view.note(text);
    },
    close() {
      closed = true;
      view.end();
    },
  };
}

/** Whether lines can be drawn over. */
export const isScreen = (out: NodeJS.WriteStream) => out.isTTY && process.env.TERM !== 'dumb';

/** The terminal's own answer, and none where NO_COLOR says something (no-color.org: an empty one says nothing). */
export function hasColour(out: NodeJS.WriteStream): boolean {
  const { NO_COLOR, ...env } = process.env;
  return !NO_COLOR && (out.hasColors?.(env) ?? false);
}

type OpenView = Omit<LiveView, 'close'>;

function terminalView(out: NodeJS.WriteStream, now: () => number): OpenView {
  let drawn: string[] = [];
  const clear = () => {
    // A terminal that was made narrower has wrapped what was drawn: more lines are to be gone over.
    const width = Math.max(1, out.columns || 80);
    const height = drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / width)), 0);
    if (height > 0) out.write(`\x1b[${height}A\x1b[J`); // Up over the block, and erase from there.
    drawn = [];
  };
  return {
    show(state) {
      const size = { columns: out.columns || 80, rows: Math.max(2, (out.rows || 24) - 4) };
      const lines = blockLines(snapshot(state, now(), size.rows), size);
      clear();
      drawn = painted(lines, size.columns, false);
      out.write(
        painted(lines, size.columns, hasColour(out))
          .map((line) => `${line}\n`)
          .join(''),
      );
    },
    note(text) {
      clear();
      out.write(`${text}\n`);
    },
    end: clear,
  };
}

/** While a phase lasts, a line that is no other than the last tells nothing, and what changed may wait a little. */
function plainView(out: NodeJS.WriteStream, now: () => number): OpenView {
  let lastPhase = '';
  let lastLine = '';
  let lastMs = 0;
  return {
    show(state) {
      const shown = snapshot(state, now(), 0);
      if (shown.phase === '' || (shown.phase === lastPhase && now() - lastMs < quietLimitMs)) return;
      const line = headline(shown);
      if (line === lastLine) return;
      [lastPhase, lastLine, lastMs] = [shown.phase, line, now()];
      out.write(`${line}\n`);
    },
    note: (text) => void out.write(`${text}\n`),
    end: () => {},
  };
}
