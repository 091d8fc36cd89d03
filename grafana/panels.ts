import { PanelBuilder as BarChart } from '@grafana/grafana-foundation-sdk/barchart';
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphDrawStyle,
  StackingMode,
  TableCellDisplayMode,
  VisibilityMode,
} from '@grafana/grafana-foundation-sdk/common';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StateTimeline } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as Table } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries';
import { PanelBuilder as Trend } from '@grafana/grafana-foundation-sdk/trend';
import { SeriesMapping, XYShowMode, PanelBuilder as XyChart } from '@grafana/grafana-foundation-sdk/xychart';
import { asTable, type Query } from './influxql.js';
import * as part from './panel.js';

type Text = part.PanelText;

/** Lines over time. `stacked` adds up; `right` is a query of another unit, at the right axis. */
export function lines(text: Text & { stacked?: boolean; right?: Query; spanS?: number }): Builder<Panel> {
  const { right, stacked = false, spanS = 120 } = text;
  const queries = [...part.queriesOf(text), ...(right ? [right] : [])];
  const panel = part
    .dressed(new TimeSeries(), { ...text, query: queries })
    .colorScheme(part.palette)
    .legend(part.legend)
    .tooltip(part.tooltip)
    .lineWidth(stacked ? 0 : 1)
    .fillOpacity(stacked ? 70 : 8)
    .showPoints(VisibilityMode.Auto)
    .spanNulls(spanS * 1000); // A longer silence is a gap, not a line.
  if (stacked) panel.stacking(part.stacking(StackingMode.Normal));
  if (hasLimits(text)) panel.thresholdsStyle(part.dashed);
  if (right)
    panel.overrideByQuery(part.refId(queries.length - 1), [
      part.unitTo(part.unitOf(right)),
      { id: 'custom.axisPlacement', value: 'right' },
    ]);
  return panel;
}

/** A run's rounds from left to right: a line, or bars, for each column but `round`. */
export function byRound(text: Text & { bars?: 'side' | 'stacked' }): Builder<Panel> {
  const panel = part
    .dressed(new Trend(), { ...text, query: tableOf(text), unit: text.unit ?? unitAfterRound(text) })
    .xField('round')
    .withTransformation(part.withoutTime)
    .overrideByName('round', [part.unitTo('none'), { id: 'decimals', value: 0 }])
    .colorScheme(part.palette)
    .legend(part.legend)
    .tooltip(part.tooltip)
    .drawStyle(text.bars ? GraphDrawStyle.Bars : GraphDrawStyle.Line)
    .fillOpacity(text.bars ? 60 : 0)
    .lineWidth(text.bars ? 1 : 2)
    .showPoints(text.bars ? VisibilityMode.Never : VisibilityMode.Always)
    .spanNulls(true); // A failed round has no loss.
  if (text.bars === 'stacked') panel.stacking(part.stacking(StackingMode.Normal));
  if (hasLimits(text)) panel.thresholdsStyle(part.dashed);
  return panel;
}

/** One number, the last of the query, in the colour of its threshold. */
export const stat = (text: Text & { states?: part.States }): Builder<Panel> =>
  part
    .dressed(new Stat(), { height: 4, ...text })
    .mappings(text.states ? [part.mapping(text.states)] : [])
    .graphMode(BigValueGraphMode.None)
    .colorMode(BigValueColorMode.Value)
    .reduceOptions(part.built({ values: false, calcs: ['lastNotNull'], fields: '' }))
    .colorScheme(part.byThresholds);

/** A row for each series, in the colour of its state over time. */
export const timeline = (text: Text & { states: part.States }): Builder<Panel> =>
  part
    .dressed(new StateTimeline(), text)
    .mappings([part.mapping(text.states)])
    .colorScheme(part.byThresholds)
    .mergeValues(true)
    .showValue(VisibilityMode.Never)
    .rowHeight(0.8)
    .legend(part.legend)
    .tooltip(part.tooltip);

/** A row for each group. @param heard keeps the rows' time under this name @param states of columns */
export function table(
  text: Text & { heard?: string; states?: Readonly<Record<string, part.States>> },
): Builder<Panel> {
  const query = tableOf(text);
  const panel = part
    .dressed(new Table(), { ...text, query })
    .colorScheme(part.byThresholds)
    .cellOptions({ type: TableCellDisplayMode.Auto });
  panel.withTransformation(
    text.heard ? { id: 'organize', options: { renameByName: { Time: text.heard } } } : part.withoutTime,
  );
  for (const [name, unit] of Object.entries(query.units))
    if (unit) panel.overrideByName(name, [part.unitTo(unit)]);
  for (const [name, states] of Object.entries(text.states ?? {}))
    panel.overrideByName(name, [
      { id: 'mappings', value: [part.mapping(states)] },
      { id: 'custom.cellOptions', value: { type: TableCellDisplayMode.ColorText } },
    ]);
  // The SDK's footer is not the schema's, and none is wanted.
  const { footer, ...options } = panel.build().options as { footer?: unknown };
  return part.built({ ...panel.build(), options });
}

/** Bars for each value of the query's one tag, one for each column. */
export function bars(text: Text & { stacked?: boolean }): Builder<Panel> {
  const query = tableOf(text);
  return part
    .dressed(new BarChart(), { ...text, query })
    .xField(query.by[0]!)
    .withTransformation(part.withoutTime)
    .colorScheme(part.palette)
    .stacking(text.stacked ? StackingMode.Normal : StackingMode.None)
    .fillOpacity(60)
    .legend(part.legend)
    .tooltip(part.tooltip);
}

/** A point for each row: the query's first column across, its second up. */
export function scatter(text: Text): Builder<Panel> {
  const query = tableOf(text);
  const [x, y] = Object.keys(query.units) as [string, string];
  const byName = (options: string) => ({ matcher: { id: 'byName', options } });
  return part
    .dressed(new XyChart(), { ...text, query, unit: query.units[y]! })
    .withTransformation(part.withoutTime)
    .overrideByName(x, [part.unitTo(query.units[x]!)])
    .mapping(SeriesMapping.Manual)
    .series([part.built({ x: byName(x), y: byName(y) })])
    .show(XYShowMode.Points)
    .colorScheme(part.palette)
    .legend(part.legend)
    .tooltip(part.tooltip);
}

const tableOf = (text: Text): Query => asTable(part.queriesOf(text)[0]!);
const hasLimits = ({ steps }: Text) => steps !== undefined && steps.length > 1;
const unitAfterRound = (text: Text) => Object.values(part.queriesOf(text)[0]!.units)[1] ?? 'none';
