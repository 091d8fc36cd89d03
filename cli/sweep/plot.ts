import { isMeasured, type Measured, mfuOf, type Result } from './results.js';

export interface PlotHead {
  title: string;
  subtitle: string;
  ceilingGflops: number | undefined;
  /** Memory that a cell may take. */
  limitMb: number;
}

interface Panel {
  label: string;
  value(row: Measured): number | undefined;
  /** Lowest and highest of the repetitions. */
  range?(row: Measured): readonly [number, number];
  /** A dashed line across, with what it is. */
  mark?: readonly [number, string];
  /** Cells that did not fit show here. */
  memory?: boolean;
}

/** Colours that the colour-blind tell apart (Okabe and Ito), and shapes for who prints in grey. */
const looks: Record<number, { colour: string; shape: (x: number, y: number) => string }> = {
  32: { colour: '#0072b2', shape: (x, y) => `<circle cx="${x}" cy="${y}" r="4"/>` },
  8: { colour: '#d55e00', shape: (x, y) => `<rect x="${x - 4}" y="${y - 4}" width="8" height="8"/>` },
  4: { colour: '#009e73', shape: (x, y) => `<path d="M${x} ${y - 5}l5 9h-10z"/>` },
};

const [panelWidth, panelHeight, gap, left, top, bottom, right] = [230, 150, 26, 78, 96, 54, 20];

/**
 * The sweep as an SVG: a column for each source length, a row for each quantity, a line for each precision, over batch
 * sizes. A row shares its scale, so columns compare.
 */
export function sweepPlot(results: readonly Result[], head: PlotHead): string {
  const rows = results.filter(isMeasured);
  const sources = unique(results.map(({ source }) => source));
  const batches = unique(results.map(({ batch }) => batch));
  const bits = unique(rows.map(({ baseBits }) => baseBits)).reverse();
  const unfit = results.filter(({ state }) => state === 'skipped' || state === 'out of memory');
  const panels = panelsOf(rows, head);
  const width = Math.max(left + sources.length * (panelWidth + gap) - gap + right, 560);
  const height = top + panels.length * (panelHeight + gap) - gap + bottom;
  const parts: string[] = [
    text(left, 26, head.title, 'class="title"'),
    text(left, 46, head.subtitle, 'class="small"'),
    legend(bits, unfit.length > 0),
  ];
  for (const [r, panel] of panels.entries()) {
    const y = top + r * (panelHeight + gap);
    const scale = ticks(highest(panel, rows));
    const middle = y + panelHeight / 2;
    parts.push(
      text(
        18,
        middle,
        panel.label,
        `class="label" text-anchor="middle" transform="rotate(-90 18 ${middle})"`,
      ),
    );
    for (const [c, source] of sources.entries()) {
      const x = left + c * (panelWidth + gap);
      const here = rows.filter((row) => row.source === source);
      parts.push(frame(x, y, scale, c === 0));
      if (panel.mark) parts.push(marked(x, y, scale, panel.mark, c === 0));
      const missing = panel.memory ? unfit.filter((row) => row.source === source) : [];
      for (const { batch, baseBits } of missing)
        parts.push(
          cross(
            xOf(x, batches, batch) + 9 * (Object.keys(looks).indexOf(`${baseBits}`) - 1),
            y + 9,
            looks[baseBits]!.colour,
          ),
        );
      for (const b of bits) {
        const line = here.filter(({ baseBits }) => baseBits === b);
        parts.push(series(line, panel, looks[b]!, (row) => place(x, y, batches, row.batch, scale)));
      }
      if (r === 0)
        parts.push(
          text(x + panelWidth / 2, y - 8, `source ${source} tokens`, 'class="label" text-anchor="middle"'),
        );
      if (r === panels.length - 1) parts.push(batchAxis(x, y + panelHeight, batches));
    }
  }
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    `font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#222">\n` +
    '<style>.title{font-size:17px;font-weight:bold}.small{font-size:12px;fill:#555}.label{font-size:13px}</style>\n' +
    `<rect width="${width}" height="${height}" fill="#fff"/>\n${parts.join('\n')}\n</svg>\n`
  );
}

/** Quantities that somebody measured. */
function panelsOf(rows: readonly Measured[], { ceilingGflops, limitMb }: PlotHead): Panel[] {
  const perSecond = (row: Measured, ms: number) => (row.tokensPerSecond * row.stepMs.median) / ms;
  const peakGib = Math.max(0, ...rows.map(({ peakRssMb }) => peakRssMb / 1024));
  const limitGib = limitMb / 1024;
  const panels: Panel[] = [
    {
      label: 'tokens / s',
      value: (row) => row.tokensPerSecond,
      range: (row) => [perSecond(row, row.stepMs.max), perSecond(row, row.stepMs.min)],
    },
    {
      label: 'MFU, %',
      value: (row) => {
        const mfu = mfuOf(row, ceilingGflops);
        return mfu === undefined ? undefined : 100 * mfu;
      },
    },
    {
      label: 'peak memory, GiB',
      value: (row) => row.peakRssMb / 1024,
      memory: true,
      // A limit far above would press the lines to the ground.
      ...(limitGib < 3 * peakGib ? { mark: [limitGib, 'limit'] as const } : {}),
    },
    { label: 'tokens / joule', value: (row) => row.tokensPerJoule },
    { label: 'watts', value: (row) => row.watts },
  ];
  return panels.filter(({ value }, i) => i === 0 || rows.some((row) => value(row) !== undefined));
}

function highest(panel: Panel, rows: readonly Measured[]): number {
  const values = rows.flatMap((row) => [panel.value(row) ?? 0, ...(panel.range?.(row) ?? [])]);
  return Math.max(...values, panel.mark?.[0] ?? 0);
}

/** Round numbers from 0 to above the highest, at most six. */
export function ticks(most: number): number[] {
  if (!(most > 0)) return [0, 1];
  const power = 10 ** Math.floor(Math.log10(most / 5));
  const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((size) => most / size <= 5)!;
  const count = Math.ceil(most / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(12)));
}

const yOf = (y: number, scale: readonly number[], value: number) =>
  round(y + panelHeight * (1 - value / scale.at(-1)!));

/** Batches stand at equal distances: they are usually powers of two. */
const xOf = (x: number, batches: readonly number[], batch: number) =>
  round(x + (panelWidth * (batches.indexOf(batch) + 0.5)) / batches.length);

const place =
  (x: number, y: number, batches: readonly number[], batch: number, scale: readonly number[]) =>
  (value: number): readonly [number, number] => [xOf(x, batches, batch), yOf(y, scale, value)];

function frame(x: number, y: number, scale: readonly number[], labelled: boolean): string {
  const lines = scale.map((tick) => {
    const at = yOf(y, scale, tick);
    const label = labelled ? text(x - 8, at + 4, numberText(tick), 'text-anchor="end"') : '';
    return `<line x1="${x}" x2="${x + panelWidth}" y1="${at}" y2="${at}" stroke="#ddd"/>${label}`;
  });
  return `${lines.join('')}<rect x="${x}" y="${y}" width="${panelWidth}" height="${panelHeight}" fill="none" stroke="#888"/>`;
}

function marked(
  x: number,
  y: number,
  scale: readonly number[],
  [value, name]: readonly [number, string],
  labelled: boolean,
): string {
  const at = yOf(y, scale, value);
  const label = labelled ? text(x + 6, at - 4, name, 'class="small"') : '';
  return `<line x1="${x}" x2="${x + panelWidth}" y1="${at}" y2="${at}" stroke="#555" stroke-dasharray="5 4"/>${label}`;
}

function series(
  rows: readonly Measured[],
  panel: Panel,
  { colour, shape }: (typeof looks)[number],
  at: (row: Measured) => (value: number) => readonly [number, number],
): string {
  const sorted = rows.toSorted((a, b) => a.batch - b.batch);
  const points = sorted.flatMap((row) => {
    const value = panel.value(row);
    return value === undefined ? [] : [{ row, point: at(row)(value) }];
  });
  const line = points.map(({ point }) => point.join(',')).join(' ');
  const marks = points.map(({ row, point: [x, y] }) => {
    const ends = panel.range?.(row).map((value) => at(row)(value)[1]) ?? [];
    const bar =
      ends.length === 2
        ? `<path d="M${x} ${ends[0]}V${ends[1]}" stroke="${colour}" stroke-width="1.5"/>`
        : '';
    return `${bar}<g fill="${colour}">${shape(x, y)}</g>`;
  });
  return `<polyline points="${line}" fill="none" stroke="${colour}" stroke-width="2"/>${marks.join('')}`;
}

function batchAxis(x: number, y: number, batches: readonly number[]): string {
  const labels = batches.map((batch) =>
    text(xOf(x, batches, batch), y + 18, `${batch}`, 'text-anchor="middle"'),
  );
  return (
    labels.join('') + text(x + panelWidth / 2, y + 40, 'batch, rows', 'class="label" text-anchor="middle"')
  );
}

const cross = (x: number, y: number, colour: string) =>
  `<path d="M${x - 3} ${y - 3}l6 6m0 -6l-6 6" stroke="${colour}" stroke-width="1.5"/>`;

function legend(bits: readonly number[], unfit: boolean): string {
  const parts = bits.map((b, i) => {
    const x = left + i * 110;
    const { colour, shape } = looks[b]!;
    const line = `<path d="M${x} 64h26" stroke="${colour}" stroke-width="2"/><g fill="${colour}">${shape(x + 13, 64)}</g>`;
    return line + text(x + 34, 68, `${b}-bit base`, '');
  });
  return (
    parts.join('') +
    text(
      left + bits.length * 110,
      68,
      `bars: slowest to fastest step${unfit ? '; ×: did not fit' : ''}`,
      'class="small"',
    )
  );
}

const text = (x: number, y: number, words: string, attributes: string) =>
  `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escaped(words)}</text>`;

const escaped = (words: string) =>
  words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const round = (x: number) => Math.round(x * 10) / 10;
const numberText = (value: number) =>
  value.toLocaleString('en-US', { maximumFractionDigits: 2, useGrouping: true });
const unique = (numbers: readonly number[]) => [...new Set(numbers)].sort((a, b) => a - b);
