// Line plots as inline SVG, with a slider that reads them off.

const marginLeft = 48;
const margin = { top: 8, right: 18, bottom: 24 };
const svgNames = 'http://www.w3.org/2000/svg';

/**
 * @typedef {{ name: string, className: string, points: [number, number][], dots?: boolean }} Series
 * @param {HTMLElement} figure holds an svg, a range input and an output
 * @param {{ x: (x: number) => string, y: (y: number) => string, about: string, fromZero?: boolean, gap?: number }} words
 *   how values are told; `gap`: a curve is broken where its points lie further apart
 * @returns {(series: Series[], from: number, to: number, ticks: number[]) => void} shows series between two x
 */
export function linePlot(figure, words) {
  const [svg, slider, output] = ['svg', 'input', 'output'].map((name) => figure.querySelector(name));
  let shown = { series: [], from: 0, to: 1, ticks: [] };
  let following = true;
  const draw = () => {
    const stops = stopsOf(shown.series);
    slider.max = String(Math.max(0, stops.length - 1));
    slider.disabled = stops.length === 0;
    if (following) slider.value = slider.max;
    const at = stops[Number(slider.value)];
    const text = at === undefined ? 'nothing measured yet' : readOff(shown.series, at, words);
    if (output.textContent !== text) output.textContent = text;
    slider.setAttribute('aria-valuetext', text);
    svg.setAttribute('aria-label', `${words.about}: ${text}`);
    svg.replaceChildren(...marks(svg, shown, at, words));
  };
  slider.addEventListener('input', () => {
    following = slider.value === slider.max;
    draw();
  });
  svg.addEventListener('pointermove', ({ clientX }) => {
    const stops = stopsOf(shown.series);
    if (stops.length === 0) return;
    const { left, width } = svg.getBoundingClientRect();
    const share = (clientX - left - marginLeft) / (width - marginLeft - margin.right);
    const x = shown.from + share * (shown.to - shown.from);
    slider.value = String(nearest(stops, x));
    following = slider.value === slider.max;
    draw();
  });
  svg.addEventListener('pointerleave', () => {
    following = true;
    draw();
  });
  new ResizeObserver(draw).observe(svg);
  return (series, from, to, ticks) => {
    shown = { series, from, to, ticks };
    draw();
  };
}

/** All x at which something was measured. */
const stopsOf = (series) =>
  [...new Set(series.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b);

function nearest(stops, x) {
  let best = 0;
  for (const [i, stop] of stops.entries()) if (Math.abs(stop - x) < Math.abs(stops[best] - x)) best = i;
  return best;
}

function readOff(series, at, { x, y }) {
  const values = series.flatMap(({ name, points }) =>
    points.filter(([px]) => px === at).map(([, value]) => `${name} ${y(value)}`),
  );
  return `${x(at)}: ${values.join(', ')}`;
}

function marks(svg, { series, from, to, ticks }, at, words) {
  const { clientWidth: width, clientHeight: height } = svg;
  const values = series.flatMap(({ points }) => points.map(([, value]) => value));
  const scale = values.length > 0 ? niceScale(values, words.fromZero ?? false) : [0, 1];
  const [low, high] = [scale[0], scale.at(-1)];
  const xAt = (x) => marginLeft + ((x - from) / (to - from || 1)) * (width - marginLeft - margin.right);
  const yAt = (y) => margin.top + (1 - (y - low) / (high - low)) * (height - margin.top - margin.bottom);
  const right = width - margin.right;
  const bottom = height - margin.bottom;
  const grid = scale.flatMap((y) => [
    node('line', { class: 'grid', x1: marginLeft, x2: right, y1: yAt(y), y2: yAt(y) }),
    node('text', { x: marginLeft - 6, y: yAt(y) + 4, 'text-anchor': 'end' }, trimmed(y)),
  ]);
  const feet = ticks.map((x) =>
    node('text', { x: xAt(x), y: bottom + 17, 'text-anchor': 'middle' }, words.tick(x)),
  );
  const cursor =
    at === undefined
      ? []
      : [node('line', { class: 'cursor', x1: xAt(at), x2: xAt(at), y1: margin.top, y2: bottom })];
  const curves = series.flatMap(({ className, points, dots }) => [
    node('path', { class: `curve ${className}`, d: path(points, xAt, yAt, words.gap ?? Infinity) }),
    ...(dots ? points.map(([x, y]) => node('circle', { class: 'dot', cx: xAt(x), cy: yAt(y), r: 3.5 })) : []),
    ...points
      .filter(([x]) => x === at)
      .map(([x, y]) => node('circle', { class: `reading ${className}`, cx: xAt(x), cy: yAt(y), r: 4 })),
  ]);
  return [...grid, ...feet, ...cursor, ...curves];
}

const path = (points, xAt, yAt, gap) =>
  points
    .map(([x, y], i) => {
      const goesOn = i > 0 && x - points[i - 1][0] <= gap;
      const place = `${xAt(x).toFixed(1)} ${yAt(y).toFixed(1)}`;
      return goesOn ? `L${place}` : `M${place}h0`; // A point alone is a dot.
    })
    .join('');

/** Four to six round numbers around the values. */
function niceScale(values, fromZero) {
  const low = fromZero ? 0 : Math.min(...values);
  const high = Math.max(...values);
  const raw = (high - low || Math.abs(high) || 1) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= raw);
  const first = Math.floor(low / step);
  const last = Math.max(first + 1, Math.ceil(high / step));
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

const trimmed = (value) => String(Number(value.toPrecision(6)));

function node(name, attributes, text) {
  const made = document.createElementNS(svgNames, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
}
