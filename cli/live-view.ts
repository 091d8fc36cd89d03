import { deviceLine, headline, type LiveState, phaseText } from './live-state.js';

/** Shows how a run goes. `show` may be called as often as anything changes. */
export interface LiveView {
  show(state: LiveState): void;
  /** A line that stays, above what is redrawn. */
  note(text: string): void;
  /** Takes the block away; the next `show` draws a new one. */
  end(): void;
  /** As `end`, and from then on `show` shows nothing. */
  close(): void;
}

const quietLimitMs = 15_000;

/** On a terminal a block that is drawn anew, elsewhere a plain line whenever the run gets further. */
export function createLiveView(out: NodeJS.WriteStream, now: () => number = Date.now): LiveView {
  const view = out.isTTY ? terminalView(out, now) : plainView(out, now);
  let closed = false;
  return {
    ...view,
    show(state) {
      if (!closed) view.show(state);
    },
    close() {
      closed = true;
      view.end();
    },
  };
}

type OpenView = Omit<LiveView, 'close'>;

function terminalView(out: NodeJS.WriteStream, now: () => number): OpenView {
  let drawn = 0;
  const clear = () => {
    if (drawn > 0) out.write(`\x1b[${drawn}A\x1b[J`); // Up over the block, and erase from there.
    drawn = 0;
  };
  const draw = (lines: string[]) => {
    clear();
    const width = Math.max(20, out.columns || 80) - 1; // A line that wraps would count as two.
    out.write(lines.map((line) => `${line.slice(0, width)}\n`).join(''));
    drawn = lines.length;
  };
  return {
    show(state) {
      const rows = [...state.presences.values()].sort((a, b) => (a.deviceId < b.deviceId ? -1 : 1));
      const shown = rows.slice(0, Math.max(1, (out.rows || 24) - 4));
      draw([headline(state, now()), ...shown.map((presence) => `  ${deviceLine(state, presence)}`)]);
    },
    note(text) {
      clear();
      out.write(`${text}\n`);
    },
    end: clear,
  };
}

function plainView(out: NodeJS.WriteStream, now: () => number): OpenView {
  let lastPhase = '';
  let lastMs = 0;
  return {
    show(state) {
      const { status } = state;
      const phase = status?.run ? phaseText(status) : '';
      if (phase === '' || (phase === lastPhase && now() - lastMs < quietLimitMs)) return;
      lastPhase = phase;
      lastMs = now();
      out.write(`${headline(state, now())}\n`);
    },
    note: (text) => void out.write(`${text}\n`),
    end: () => {},
  };
}
