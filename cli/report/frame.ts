import { scaleLinear } from 'd3-scale';
import { html, type Markup, type Part } from './markup.js';

/** What every plot has: a frame of 360 × 220, small enough that a phone shows its text as it is. */

export const size = { width: 360, height: 220, left: 48, top: 26, bottom: 38 };

/** A colour of the page's palette, by its number. */
export type Tone = 1 | 2 | 3 | 4 | 5 | 6;

export interface Axes {
  /** Quantity and unit, told at the top of the axis. */
  y: string;
  x: string;
  /** What is seen, in words, for who doesn't see it. */
  alt: string;
}

export interface Frame {
  /** Right end of the plot's ground; labels of lines stand beyond it. */
  right: number;
  x(value: number): number;
  y(value: number): number;
  ticks: { x: readonly number[]; y: readonly number[] };
}

/** @param right room for labels beside the lines */
export function frameOf(
  x: readonly [number, number],
  y: readonly [number, number],
  { right, wholeX }: { right: number; wholeX: boolean },
): Frame {
  const end = size.width - right;
  const xScale = scaleLinear(widened(x), [size.left, end]);
  const yScale = scaleLinear(widened(y), [size.height - size.bottom, size.top]).nice(4);
  const ticks = xScale.ticks(6).filter((tick) => !wholeX || Number.isInteger(tick));
  return {
    right: end,
    x: (value) => tenth(xScale(value)),
    y: (value) => tenth(yScale(value)),
    ticks: { x: ticks, y: yScale.ticks(4) },
  };
}

/** A scale of no length has no middle to put its value in. */
const widened = ([low, high]: readonly [number, number]): [number, number] =>
  low < high ? [low, high] : [low - (Math.abs(low) * 0.05 || 0.5), low + (Math.abs(low) * 0.05 || 0.5)];

/** An SVG with grid, ticks and names of the axes under what `marks` draws. */
export function plot(axes: Axes, frame: Frame, marks: readonly Part[], xTicks = frame.ticks.x): Markup {
  const { left, top, height, width, bottom } = size;
  const base = height - bottom;
  const yLabels = labels(frame.ticks.y);
  const xLabels = labels(xTicks);
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${axes.alt}">
${frame.ticks.y.map((tick, i) => {
  const y = frame.y(tick);
  return html`<line class="grid" x1="${left}" x2="${frame.right}" y1="${y}" y2="${y}"/>
<text class="tick" x="${left - 6}" y="${y + 4}" text-anchor="end">${yLabels[i]}</text>`;
})}
${xTicks.map(
  (tick, i) =>
    html`<text class="tick" x="${frame.x(tick)}" y="${base + 15}" text-anchor="middle">${xLabels[i]}</text>`,
)}
<line class="axis" x1="${left}" x2="${frame.right}" y1="${base}" y2="${base}"/>
<text class="unit" x="${left - 40}" y="${top - 14}">${axes.y}</text>
<text class="unit" x="${(left + frame.right) / 2}" y="${height - 6}" text-anchor="middle">${axes.x}</text>
${marks}
</svg>`;
}

/** Ticks as text, all with as many decimals as their distance asks for. */
function labels(ticks: readonly number[]): string[] {
  const step = ticks.length > 1 ? Math.abs(ticks[1]! - ticks[0]!) : Math.abs(ticks[0] ?? 1);
  const digits = Math.min(6, Math.max(0, -Math.floor(Math.log10(step || 1) + 1e-9)));
  const places = Math.abs(Math.round(step * 10 ** digits) - step * 10 ** digits) > 1e-6 ? digits + 1 : digits;
  return ticks.map((tick) =>
    tick.toLocaleString('en-US', { minimumFractionDigits: places, maximumFractionDigits: places }),
  );
}

export const tenth = (value: number) => Math.round(value * 10) / 10;

/** Room that a label takes beside a line, its letters 12.5 px high: they are 7 px wide or less. */
export const labelRoom = (texts: readonly string[]) =>
  Math.min(122, 14 + 7 * Math.max(0, ...texts.map((text) => text.length)));
