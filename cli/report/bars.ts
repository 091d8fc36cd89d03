import { type Axes, frameOf, plot, size, type Tone, tenth } from './frame.js';
import { shortened } from './lines.js';
import { html, type Markup } from './markup.js';

export interface Stack {
  name: string;
  tone: Tone;
  /** For each bar; null: nobody measured it. */
  values: readonly (number | null)[];
}

export interface BarAxes extends Axes {
  /** Of each bar; of more than a few, some. */
  bars: readonly string[];
  value(y: number): string;
}

/** Bars from 0, their parts one above the other, with a legend of the parts in the order in which they lie. */
export function barPlot(axes: BarAxes, stacks: readonly Stack[]): Markup {
  const { bars, value } = axes;
  const sums = bars.map((_, i) => stacks.reduce((sum, { values }) => sum + (values[i] ?? 0), 0));
  const frame = frameOf([0, bars.length], [0, Math.max(...sums) || 1], { right: 10, wholeX: true });
  const wide = frame.x(1) - frame.x(0);
  const bar = Math.min(34, wide * 0.72);
  const every = Math.ceil(bars.length / 8);
  const marks = bars.map((name, i) => {
    let below = 0;
    return stacks.map(({ name: part, tone, values }) => {
      const amount = values[i] ?? 0;
      if (amount <= 0) return null;
      const [y, foot] = [frame.y(below + amount), frame.y(below)];
      below += amount;
      const x = tenth(frame.x(i + 0.5) - bar / 2);
      return html`<rect class="bar t${tone}" x="${x}" y="${y}" width="${tenth(bar)}" height="${tenth(foot - y)}"><title>${part}, ${axes.x} ${name}: ${value(amount)}</title></rect>`;
    });
  });
  const names = bars.map((name, i) =>
    i % every === 0
      ? html`<text class="tick" x="${frame.x(i + 0.5)}" y="${size.height - size.bottom + 15}" text-anchor="middle">${name}</text>`
      : null,
  );
  return html`${stacks.length > 1 && legend(stacks)}${plot(axes, frame, [marks, names], [])}`;
}

const legend = (stacks: readonly Stack[]) =>
  html`<ul class="legend">${stacks.map(({ name, tone }) => html`<li><svg viewBox="0 0 12 12" aria-hidden="true"><rect class="bar t${tone}" width="12" height="12"/></svg>${name}</li>`)}</ul>`;

export interface Row {
  name: string;
  value: number;
  /** What stands behind the bar. */
  text: string;
}

/** A bar to the right for each row, its name above it. */
export function rowPlot(alt: string, tone: Tone, rows: readonly Row[]): Markup {
  const high = 34;
  const most = Math.max(...rows.map(({ value }) => value)) || 1;
  const room = 12 + 7 * Math.max(...rows.map(({ text }) => text.length));
  const [left, width] = [4, size.width - 8 - Math.min(200, room)];
  return html`<svg viewBox="0 0 ${size.width} ${rows.length * high + 6}" role="img" aria-label="${alt}">${rows.map(
    ({ name, value, text }, i) => {
      const [y, length] = [i * high + 4, tenth(Math.max(1, (width * value) / most))];
      return html`
<text class="row" x="${left}" y="${y + 10}">${shortened(name, 48)}</text><rect class="bar t${tone}" x="${left}" y="${y + 15}" width="${length}" height="10" rx="2"/><text class="last" x="${left + length + 6}" y="${y + 24}">${text}</text>`;
    },
  )}</svg>`;
}
