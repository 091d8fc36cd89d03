import type { LiveSnapshot } from '../schemas/live.js';
import { absence, deviceLines, figuresLine, headline, lossLine, plain, roundText } from './live-text.js';

/** A line of a terminal, and how it is shown where there are colours. */
export interface Line {
  text: string;
  tone?: 'title' | 'dim' | 'warn';
}

export interface Size {
  columns: number;
  rows: number;
}

/** What the block of a run and the full screen have in common: the run, its figures, its devices. */
export function blockLines(snapshot: LiveSnapshot, { columns, rows }: Size): Line[] {
  const figures = [figuresLine(snapshot), lossLine(snapshot, columns)].filter((text) => text !== '');
  const head: Line[] = [{ text: headline(snapshot) }, ...figures.map((text) => ({ text: `  ${text}` }))];
  return [...head, ...devicesIn(snapshot, Math.max(1, rows - head.length))];
}

/** The whole screen of `fleetune watch`: the block, and as many of the newest rounds as there is room for. */
export function screenLines(snapshot: LiveSnapshot, size: Size): Line[] {
  const { fleet, run, atMs, history } = snapshot;
  const title = `fleetune · fleet ${fleet} · ${run ? `run ${run}` : 'no run yet'} · ${clockText(atMs)}`;
  const away = absence(snapshot);
  const head: Line[] = [{ text: title, tone: 'title' }, ...(away === '' ? [] : [warning(away)])];
  const foot: Line = { text: 'Ctrl-C ends the view, not the run', tone: 'dim' };
  const room = size.rows - head.length - 1;
  const block = blockLines(snapshot, { ...size, rows: Math.max(2, room) });
  const left = room - block.length - 2;
  const rounds = left > 0 ? history.slice(-left) : [];
  const lines = rounds.map((round): Line => {
    const text = `round ${round.round}: ${roundText(round)}`;
    return round.state === 'failed' ? warning(text) : { text };
  });
  return [...head, ...block, ...(lines.length > 0 ? [{ text: '' }, ...lines] : []), foot].slice(-size.rows);
}

/** Lines as they are written: cut to the width, so that none wraps. */
export function painted(lines: readonly Line[], columns: number, colour: boolean): string[] {
  const width = Math.max(20, columns) - 1;
  return lines.map(({ text, tone }) => {
    const cut = Array.from(plain(text)).slice(0, width).join('');
    return colour && tone ? `\x1b[${tones[tone]}m${cut}\x1b[0m` : cut;
  });
}

const tones = { title: 1, dim: 2, warn: 33 };
const warning = (text: string): Line => ({ text, tone: 'warn' });

/** 1764000000000 → "16:00:00", of this machine's zone. */
export const clockText = (ms: number) => new Date(ms).toTimeString().slice(0, 8);

function devicesIn({ devices, notShown }: LiveSnapshot, rows: number): Line[] {
  if (devices.length === 0) return [];
  const all = deviceLines(devices);
  const more = devices.length + 1 > rows || notShown > 0;
  const kept = more ? Math.max(1, rows - 1) : rows; // One line says how many there are besides.
  const lines = all.slice(0, kept).map((text, i): Line => {
    const tone = i === 0 ? 'dim' : (tonesOf[devices[i - 1]!.state] ?? undefined);
    return { text: `  ${text}`, ...(tone ? { tone } : {}) };
  });
  const hidden = notShown + devices.length - (kept - 1);
  return more && hidden > 0 ? [...lines, { text: `  and ${hidden} more`, tone: 'dim' }] : lines;
}

const tonesOf: Readonly<Record<string, Line['tone']>> = { away: 'dim', unfit: 'warn' };
