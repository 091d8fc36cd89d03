import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import {
  type DataSourceRef,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  SortOrder,
  type StackingMode,
  TooltipDisplayMode,
} from '@grafana/grafana-foundation-sdk/common';
import {
  type DynamicConfigValue,
  FieldColorModeId,
  MappingType,
  type Panel,
  type ThresholdsConfig,
  ThresholdsMode,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { Query } from './influxql.js';

/** As grafana/provisioning/datasources names it. */
export const dataSource: DataSourceRef = { type: 'influxdb', uid: 'fleetune' };

export type Color = 'green' | 'yellow' | 'orange' | 'red' | 'blue' | 'text';
/** The colour of the lowest values, then those from a value on. */
export type Steps = readonly [Color, ...(readonly [number, Color])[]];
/** What a number says, and its colour. */
export type States = Readonly<Record<number, readonly [string, Color]>>;

/** What every panel has. */
export interface PanelText {
  title: string;
  /** What it shows, and what its thresholds say. */
  description: string;
  /** Columns of the dashboard's 24. */
  width: number;
  /** Rows of 30 pixels. */
  height?: number;
  query: Query | readonly Query[];
  /** Where it is not that of the query's first column. */
  unit?: string;
  decimals?: number;
  min?: number;
  max?: number;
  steps?: Steps;
}

/** What the SDK's builders have in common. */
export interface AnyPanel extends Builder<Panel> {
  title(text: string): this;
  description(text: string): this;
  datasource(source: DataSourceRef): this;
  targets(targets: Builder<Dataquery>[]): this;
  height(rows: number): this;
  span(columns: number): this;
  unit(unit: string): this;
  decimals(decimals: number): this;
  min(min: number): this;
  max(max: number): this;
  thresholds(thresholds: Builder<ThresholdsConfig>): this;
}

/** A panel with its text, its queries, their unit and its thresholds. */
export function dressed<P extends AnyPanel>(panel: P, text: PanelText): P {
  const queries = queriesOf(text);
  const { title, description, width, height = 8, decimals, min, max, steps = ['blue'] } = text;
  panel.title(title).description(description).datasource(dataSource).span(width).height(height);
  panel.unit(text.unit ?? unitOf(queries[0]!)).thresholds(thresholds(steps));
  panel.targets(queries.map((query, index) => built(target(query, refId(index)))));
  if (decimals !== undefined) panel.decimals(decimals);
  if (min !== undefined) panel.min(min);
  if (max !== undefined) panel.max(max);
  return panel;
}

export const queriesOf = ({ query }: PanelText): Query[] => [query].flat() as Query[];
export const refId = (index: number) => String.fromCharCode(65 + index);

/** The first unit of a query's columns. */
export const unitOf = ({ units }: Query): string => Object.values(units).find((unit) => unit) ?? 'none';

/** What Grafana asks the data source, in the form of its InfluxQL editor's raw mode. */
export function target(query: Query, id: string): Dataquery {
  const tags = query.by.map((tag) => `$tag_${tag}`);
  const columns = tags.length === 0 || Object.keys(query.units).length > 1 ? ['$col'] : [];
  const asked = {
    refId: id,
    datasource: dataSource,
    query: query.text,
    rawQuery: true,
    resultFormat: query.table ? 'table' : 'time_series',
    alias: [...tags, ...columns].join(' '),
  };
  return Object.assign(asked, { _implementsDataqueryVariant() {} });
}

/** What is built already, for a builder that asks for a builder. */
export const built = <T>(value: T): Builder<T> => ({ build: () => value });

export const palette = built({ mode: FieldColorModeId.PaletteClassic });
export const byThresholds = built({ mode: FieldColorModeId.Thresholds });
export const legend = built({
  showLegend: true,
  displayMode: LegendDisplayMode.List,
  placement: LegendPlacement.Bottom,
  calcs: [],
});
export const tooltip = built({ mode: TooltipDisplayMode.Multi, sort: SortOrder.Descending });
export const dashed = built({ mode: GraphThresholdsStyleMode.Dashed });
export const stacking = (mode: StackingMode) => built({ mode, group: 'A' });
/** The rows' time says nothing where it is that of a range or of a round. */
export const withoutTime = { id: 'organize', options: { excludeByName: { Time: true } } };

export const unitTo = (unit: string): DynamicConfigValue => ({ id: 'unit', value: unit });
export const mapping = (states: States): ValueMapping => ({
  type: MappingType.ValueToText,
  options: Object.fromEntries(
    Object.entries(states).map(([value, [text, color]], index) => [value, { text, color, index }]),
  ),
});

function thresholds([base, ...steps]: Steps): Builder<ThresholdsConfig> {
  const rest = steps.map(([value, color]) => ({ value, color }));
  return built({ mode: ThresholdsMode.Absolute, steps: [{ value: null, color: base }, ...rest] });
}
