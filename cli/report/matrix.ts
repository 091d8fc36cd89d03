import { size, tenth } from './frame.js';
import { shortened } from './lines.js';
import { html, type Markup } from './markup.js';

export type Part = 'counted' | 'refused' | 'missing' | 'not asked';

export interface Attendance {
  name: string;
  /** For each round: what became of it, and in words. */
  cells: readonly { part: Part; title: string }[];
}

/** Who took part in which round: a square each, told apart by shape as well as by colour. */
export function matrixPlot(alt: string, rounds: readonly number[], rows: readonly Attendance[]): Markup {
  const left = 12 + 7 * Math.max(6, ...rows.map(({ name }) => shortened(name).length));
  const cell = Math.min(20, (size.width - left - 4) / rounds.length);
  const high = Math.max(14, Math.min(20, cell));
  const every = Math.ceil(24 / cell) > 1 ? Math.ceil(rounds.length / 8) : 1;
  const height = 22 + rows.length * high + 4;
  const x = (i: number) => tenth(left + (i + 0.5) * cell);
  return html`<svg viewBox="0 0 ${size.width} ${height}" role="img" aria-label="${alt}">
<text class="unit" x="0" y="13">round</text>
${rounds.map((round, i) => (i % every === 0 ? html`<text class="tick" x="${x(i)}" y="13" text-anchor="middle">${round}</text>` : null))}
${rows.map(
  (
    { name, cells },
    r,
  ) => html`<text class="row" x="0" y="${22 + (r + 0.5) * high + 4}">${shortened(name)}<title>${name}</title></text>
${cells.map(({ part, title }, i) => html`<g><title>${title}</title>${mark(part, x(i), 22 + (r + 0.5) * high, Math.min(cell, high) * 0.36)}</g>`)}`,
)}</svg>`;
}

const shapes: Record<Part, (x: number, y: number, r: number) => Markup> = {
  counted: (x, y, r) =>
    html`<rect class="bar t1" x="${x - r}" y="${y - r}" width="${2 * r}" height="${2 * r}" rx="${r / 3}"/>`,
  refused: (x, y, r) =>
    html`<path class="cross t2" d="M${x - r} ${y - r}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}"/>`,
  missing: (x, y, r) => html`<circle class="ring t2" cx="${x}" cy="${y}" r="${r * 0.8}"/>`,
  'not asked': (x, y) => html`<circle class="faint" cx="${x}" cy="${y}" r="1.3"/>`,
};

const mark = (part: Part, x: number, y: number, r: number) => shapes[part](tenth(x), tenth(y), tenth(r));

const words: Record<Part, string> = {
  counted: 'its update counts',
  refused: 'refused or failed',
  missing: 'asked, no update that counts',
  'not asked': 'not asked',
};

/** The shapes that there are, with what they mean. */
export const matrixLegend = (parts: readonly Part[]) =>
  html`<ul class="legend">${parts.map((part) => html`<li><svg viewBox="0 0 12 12" aria-hidden="true">${mark(part, 6, 6, 5)}</svg>${words[part]}</li>`)}</ul>`;
