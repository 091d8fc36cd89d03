import { type FieldOf, type MeasurementName, measurements, type TagOf } from '../schemas/measurements.js';
import { plain, unitOf } from './units.js';

const aggregates = ['mean', 'max', 'min', 'sum', 'last', 'count'] as const;
type Aggregate = (typeof aggregates)[number];

/** A field, or an aggregate of one: `watts`, `mean(watts)`. One that the table lacks does not compile. */
export type Term<M extends MeasurementName> = FieldOf<M> | `${Aggregate}(${FieldOf<M>})`;
/** What stands in a column: a term, two of them put together, or a tag. */
export type Column<M extends MeasurementName> =
  | Term<M>
  | readonly [Term<M>, '+' | '-' | '*' | '/', Term<M>]
  | TagOf<M>;

/** The dashboards' variables that are tags. */
export type Variable = 'fleet' | 'run' | 'device';

/**
 * What is also kept as means of a minute and of an hour, by telemetry/downsampling.ts: there the variable `kept`
 * names the retention policy to read.
 */
export const downsampled: readonly MeasurementName[] = [
  ...(['power', 'temperature', 'utilization', 'device', 'telemetry'] as const),
];

export interface Select<M extends MeasurementName> {
  /** Name shown → what it is. */
  columns: Readonly<Record<string, Column<M>>>;
  /** Tag → the one value, or the pattern that its value must match or, with `not`, must not. */
  where?: Readonly<Partial<Record<TagOf<M>, string | RegExp | { not: RegExp }>>>;
  by?: readonly TagOf<M>[];
  /** A value for each of the panel's intervals. */
  perInterval?: boolean;
  /** Of the interval without a point; 'previous' for what is only told when it changes. */
  fill?: 'none' | 'null' | 'previous';
  /** What a run did, whenever it ran: the dashboard's range does not apply. */
  anyTime?: boolean;
}

/** An InfluxQL query with what a panel needs to know of it. */
export interface Query {
  text: string;
  /** Column → Grafana's unit; tags have none. */
  units: Readonly<Record<string, string | undefined>>;
  by: readonly string[];
  table: boolean;
}

/**
 * `<measurement>` with the tags that the variables pick: what all queries of a dashboard start from.
 * @param kept the dashboard has that variable
 */
export const scoped =
  (variables: readonly Variable[], kept?: 'kept') =>
  <M extends MeasurementName>(measurement: M, select: Select<M>): Query => {
    const tags: readonly string[] = measurements[measurement].tags;
    const conditions = [
      ...(select.anyTime ? [] : ['$timeFilter']),
      ...variables.filter((name) => tags.includes(name)).map((name) => `"${name}" =~ /^$${name}$/`),
      ...Object.entries(select.where ?? {}).map(([tag, value]) => condition(tag, value as Condition)),
    ];
    const columns = Object.entries(select.columns);
    return {
      text: [
        `SELECT ${columns.map(([name, column]) => `${columnText(column)} AS "${name}"`).join(', ')}`,
        kept && downsampled.includes(measurement) ? `FROM "$kept"."${measurement}"` : `FROM "${measurement}"`,
        ...(conditions.length > 0 ? [`WHERE ${conditions.join(' AND ')}`] : []),
        ...grouping(select.by ?? [], select.perInterval ? (select.fill ?? 'none') : undefined),
      ].join(' '),
      units: Object.fromEntries(columns.map(([name, column]) => [name, columnUnit(measurement, column)])),
      by: select.by ?? [],
      table: false,
    };
  };

/** One value of the values of a query: the sum of the devices' watts. Its columns keep their names. */
export function over(
  inner: Query,
  aggregate: Aggregate,
  more: { by?: readonly string[]; perInterval?: boolean } = {},
): Query {
  const { by = [], perInterval } = more;
  const columns = Object.keys(inner.units).map((name) => `${aggregate}("${name}") AS "${name}"`);
  const when = inner.text.includes('$timeFilter') ? ' WHERE $timeFilter' : '';
  const parts = [`SELECT ${columns.join(', ')} FROM (${inner.text})${when}`];
  const units = aggregate === 'count' ? Object.keys(inner.units).map((name) => [name, plain]) : undefined;
  return {
    text: [...parts, ...grouping(by, perInterval ? 'none' : undefined)].join(' '),
    units: units ? Object.fromEntries(units) : inner.units,
    by,
    table: false,
  };
}

/** The same, as rows of a table: one frame whatever it is grouped by. */
export const asTable = (query: Query): Query => ({ ...query, table: true });

type Condition = string | RegExp | { not: RegExp };

function condition(tag: string, value: Condition): string {
  if (typeof value === 'string') return `"${tag}" = '${value}'`;
  return value instanceof RegExp ? `"${tag}" =~ ${value}` : `"${tag}" !~ ${value.not}`;
}

function grouping(by: readonly string[], fill: string | undefined): string[] {
  const keys = [...(fill ? ['time($__interval)'] : []), ...by.map((tag) => `"${tag}"`)];
  return keys.length === 0 ? [] : [`GROUP BY ${keys.join(', ')}`, ...(fill ? [`fill(${fill})`] : [])];
}

type AnyColumn = string | readonly [string, string, string];

function columnText(column: AnyColumn): string {
  if (typeof column !== 'string') return `${termText(column[0])} ${column[1]} ${termText(column[2])}`;
  return termText(column);
}

const termText = (term: string) => {
  const [, aggregate, field] = /^(\w+)\((\w+)\)$/.exec(term) ?? [];
  return aggregate ? `${aggregate}("${field}")` : `"${term}"`;
};

/** Of a quotient of like units a share, of any other quotient or product none; undefined for a tag. */
function columnUnit<M extends MeasurementName>(measurement: M, column: AnyColumn): string | undefined {
  if (typeof column === 'string') return termUnit(measurement, column);
  const [left, operator, right] = column;
  const [one, other] = [termUnit(measurement, left), termUnit(measurement, right)];
  if (operator === '+' || operator === '-') return one;
  return operator === '/' && one === other ? 'percentunit' : plain;
}

function termUnit<M extends MeasurementName>(measurement: M, term: string): string | undefined {
  const [, aggregate, inner] = /^(\w+)\((\w+)\)$/.exec(term) ?? [];
  const field = inner ?? term;
  if (!Object.hasOwn(measurements[measurement].fields, field)) return undefined;
  return aggregate === 'count' ? plain : unitOf(measurement, field as FieldOf<M>);
}
