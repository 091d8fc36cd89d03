import type { Answer, Findings, Series } from './live-check.js';
import type { PanelJson } from './schema.js';

type Panel = PanelJson & {
  gridPos: { x: number; y: number; w: number; h: number };
  description?: string;
  options?: { xField?: string };
  fieldConfig?: { defaults: { unit?: string; custom?: { drawStyle?: string; stacking?: { mode: string } } } };
};

/** A named list of points, as a panel shows it. */
interface Curve {
  name: string;
  points: (readonly [number, number])[];
}

const colours = ['#3b7dd8', '#e0842e', '#4a9e4a', '#c94f4f', '#8a63c9', '#8c6d4f', '#d070b0', '#777'];
const [width, height] = [400, 150];

/**
 * The dashboards as one HTML page: each panel in its place, with what InfluxDB answered. Not what Grafana draws,
 * but where, of what and how much, for a look without one.
 */
export function sketch({ dashboards, answers }: Findings): string {
  const sections = dashboards.map((dashboard) => {
    const panels = dashboard.panels as unknown as Panel[];
    const cells = panels.map((panel) =>
      cell(panel, answersOf(answers, `${dashboard.title} / ${panel.title} `)),
    );
    return `<h1>${escaped(String(dashboard.title))}</h1><div class="grid">${cells.join('\n')}</div>`;
  });
  return `<!doctype html><meta charset="utf-8"><title>Dashboards</title><style>${style}</style>${sections.join('\n')}\n`;
}

const answersOf = (answers: readonly Answer[], start: string) =>
  answers.filter(({ where }) => where.startsWith(start) && where.length === start.length + 1);

function cell(panel: Panel, answers: readonly Answer[]): string {
  const { x, y, w, h } = panel.gridPos;
  const place = `grid-column:${x + 1}/span ${w};grid-row:${y + 1}/span ${h}`;
  if (panel.type === 'row') return `<div class="row" style="${place}">${escaped(panel.title)}</div>`;
  const unit = (panel.fieldConfig?.defaults.unit ?? '').replace('suffix: ', '');
  const head = `<b title="${escaped(panel.description ?? '')}">${escaped(panel.title)}</b> <i>${escaped(unit)}</i>`;
  return `<div class="panel" style="${place}">${head}${body(panel, answers)}</div>`;
}

function body(panel: Panel, answers: readonly Answer[]): string {
  const series = answers.flatMap((answer) => answer.series);
  switch (panel.type) {
    case 'stat':
      return `<p>${short(lastValue(series))}</p>`;
    case 'table':
    case 'barchart':
      return grid(series);
    default: {
      const across = panel.type === 'xychart' ? series[0]?.columns[1] : panel.options?.xField;
      const made = curves(series, across).filter(({ points }) => points.length > 0);
      return chart(
        made,
        panel.type === 'xychart' || panel.fieldConfig?.defaults.custom?.drawStyle === 'bars',
      );
    }
  }
}

/** One curve for each series and column. @param across the column for the horizontal axis; else the time */
function curves(series: readonly Series[], across: string | undefined): Curve[] {
  return series.flatMap(({ columns, values, tags }) => {
    const x = across ? columns.indexOf(across) : 0;
    return columns.slice(1).flatMap((column, i) => {
      if (column === across) return [];
      const points = values
        .map((row) => [Number(row[x]), row[i + 1]] as const)
        .filter((point): point is readonly [number, number] => typeof point[1] === 'number');
      return [{ name: [...Object.values(tags ?? {}), column].join(' '), points }];
    });
  });
}

function chart(made: readonly Curve[], dots: boolean): string {
  const all = made.flatMap(({ points }) => points);
  const [left, right] = [Math.min(...all.map(([x]) => x)), Math.max(...all.map(([x]) => x))];
  const [low, high] = [Math.min(0, ...all.map(([, y]) => y)), Math.max(...all.map(([, y]) => y))];
  const at = ([x, y]: readonly [number, number]) =>
    [
      (8 + ((x - left) / (right - left || 1)) * (width - 16)).toFixed(1),
      (height - 8 - ((y - low) / (high - low || 1)) * (height - 16)).toFixed(1),
    ] as const;
  const drawn = made.map(({ points }, i) => {
    const colour = colours[i % colours.length]!;
    if (dots || points.length === 1)
      return points
        .map(at)
        .map(([x, y]) => `<circle cx="${x}" cy="${y}" r="4" fill="${colour}"/>`)
        .join('');
    const path = points.map((point) => at(point).join(',')).join(' ');
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`;
  });
  const names = made.map(
    ({ name, points }, i) =>
      `<span style="color:${colours[i % colours.length]}">${escaped(name)} ${short(points.at(-1)?.[1])}</span>`,
  );
  return `<svg viewBox="0 0 ${width} ${height}">${drawn.join('')}</svg><small>${names.join(' ')}</small>`;
}

function grid(series: readonly Series[]): string {
  const [first] = series;
  if (!first) return '';
  const head = [...Object.keys(first.tags ?? {}), ...first.columns.slice(1)];
  const rows = series.flatMap(({ tags, values }) =>
    values.slice(0, 5).map((row) => [...Object.values(tags ?? {}), ...row.slice(1)]),
  );
  const line = (cells: readonly unknown[], tag: string) =>
    `<tr>${cells.map((one) => `<${tag}>${escaped(short(one))}</${tag}>`).join('')}</tr>`;
  return `<table>${line(head, 'th')}${rows.map((row) => line(row, 'td')).join('')}</table>`;
}

const lastValue = (series: readonly Series[]) => series.at(-1)?.values.at(-1)?.at(-1);
const short = (value: unknown) =>
  typeof value === 'number' ? String(Number(value.toPrecision(4))) : String(value ?? '');
const escaped = (text: string) => text.replaceAll(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

const style = `body{font:13px sans-serif;background:#f4f5f5;margin:12px}
.grid{display:grid;grid-template-columns:repeat(24,1fr);grid-auto-rows:30px;gap:6px}
.row{font-weight:bold;align-self:end}.panel{background:#fff;border:1px solid #ddd;padding:4px 6px;overflow:hidden;
display:flex;flex-direction:column}.panel i{color:#888}.panel p{font-size:26px;margin:6px 0}.panel b{white-space:nowrap}
svg{flex:1;min-height:0;width:100%}small{max-height:32px;overflow:hidden}table{font-size:11px;border-collapse:collapse}
td,th{text-align:left;padding:1px 6px}`;
