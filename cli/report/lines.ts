import { area, line } from 'd3-shape';
import { type Axes, type Frame, frameOf, labelRoom, plot, size, type Tone } from './frame.js';
import { html, type Markup } from './markup.js';

export interface Line {
  name: string;
  tone: Tone;
  points: readonly (readonly [number, number])[];
  dashed?: boolean;
  dots?: boolean;
  /** Lowest and highest of what the line is the mean of. */
  band?: readonly (readonly [x: number, low: number, high: number])[];
}

export interface LineAxes extends Axes {
  /** The axis begins at 0. */
  zero?: boolean;
  /** Ticks of x are whole numbers. */
  whole?: boolean;
  /** How a value reads at its line's end. */
  value(y: number): string;
}

const lettersOfLabel = 15;
const apart = 14;

/** Lines over numbers, each with its name and last value at its end. */
export function linePlot(axes: LineAxes, lines: readonly Line[]): Markup {
  const xs = lines.flatMap(({ points }) => points.map(([x]) => x));
  const ys = lines.flatMap(({ points, band }) => [
    ...points.map(([, y]) => y),
    ...(band ?? []).flatMap(([, l, h]) => [l, h]),
  ]);
  const names = lines.map(({ name }) => shortened(name));
  const values = lines.map(({ points }) => axes.value(points.at(-1)![1]));
  const frame = frameOf(ends(xs), ends(axes.zero ? [0, ...ys] : ys), {
    right: labelRoom([...names, ...values]),
    wholeX: axes.whole ?? false,
  });
  const places = spread(lines.map(({ points }) => frame.y(points.at(-1)![1])));
  return plot(axes, frame, [
    lines.map(({ band, tone }) => band && html`<path class="band t${tone}" d="${bandPath(frame, band)}"/>`),
    lines.map((one) => drawn(frame, one, axes)),
    lines.map(({ name, tone }, i) =>
      label({ x: frame.right + 8, y: places[i]! }, { name, tone }, names[i]!, values[i]!),
    ),
  ]);
}

function drawn(frame: Frame, { points, tone, name, dashed, dots }: Line, { value, x }: LineAxes): Markup {
  const path = line<readonly [number, number]>(
    ([at]) => frame.x(at),
    ([, y]) => frame.y(y),
  )(points);
  const shown = dots || points.length === 1 ? points : points.slice(-1);
  return html`<path class="line t${tone}${dashed ? ' dashed' : ''}" d="${path}"/>
${shown.map(
  ([at, y]) =>
    html`<circle class="dot t${tone}" cx="${frame.x(at)}" cy="${frame.y(y)}" r="3.5"><title>${name}, ${x} ${at}: ${value(y)}</title></circle>`,
)}`;
}

const bandPath = (frame: Frame, band: NonNullable<Line['band']>) =>
  area<(typeof band)[number]>(
    ([x]) => frame.x(x),
    ([, low]) => frame.y(low),
    ([, , high]) => frame.y(high),
  )(band);

const label = (
  { x, y }: { x: number; y: number },
  { name, tone }: Pick<Line, 'name' | 'tone'>,
  short: string,
  value: string,
) =>
  html`<text class="name t${tone}" x="${x}" y="${y - 3}">${short}<title>${name}</title></text><text class="last" x="${x}" y="${y + 11}">${value}</text>`;

/** Where labels of two lines stand, so that none covers another: as near to their lines' ends as that goes. */
export function spread(ys: readonly number[], gap = 2 * apart): number[] {
  const order = ys.map((y, i) => ({ y, i })).sort((a, b) => a.y - b.y);
  const lowest = size.height - size.bottom - 11; // Its value stands below a name, and above the axis’s numbers.
  for (let k = 1; k < order.length; k++) order[k]!.y = Math.max(order[k]!.y, order[k - 1]!.y + gap);
  let limit = lowest;
  for (const place of order.toReversed()) {
    place.y = Math.min(place.y, limit);
    limit = place.y - gap;
  }
  const result = new Array<number>(ys.length);
  for (const { y, i } of order) result[i] = y;
  return result;
}

const ends = (values: readonly number[]): [number, number] => [
  values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
  values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
];

export const shortened = (name: string, letters = lettersOfLabel) =>
  name.length <= letters ? name : `${name.slice(0, letters - 1)}…`;
