import { measurements } from '../../schemas/measurements.js';
import {
  type Asking,
  alertQuestions,
  dashboardQuestions,
  filledIn,
  readDashboards,
  type Variable,
} from './questions.js';
import type { DashboardJson } from './schema.js';

export interface Answer {
  where: string;
  text: string;
  rows: number;
  series: readonly Series[];
  /** Columns in which no row has a value. */
  empty: string[];
  error?: string;
}

export interface Findings {
  dashboards: readonly DashboardJson[];
  panels: number;
  answers: Answer[];
  /** Of the table of measurements; absent: not asked for. */
  unwritten?: string[];
}

/** Fields of the table of measurements that InfluxDB has no value of: nothing wrote them. */
export async function unwrittenFields(ask: Ask): Promise<string[]> {
  const names = Object.entries(measurements);
  const unwritten: string[] = [];
  for (const [name, { fields }] of names) {
    const { series = [] } = await ask(`SHOW FIELD KEYS FROM "${name}"`);
    const written = series.flatMap(({ values }) => values.map(([field]) => field));
    unwritten.push(
      ...Object.keys(fields).flatMap((field) => (written.includes(field) ? [] : `${name}.${field}`)),
    );
  }
  return unwritten;
}

/** Asks `url`'s database. @returns InfluxDB's first result */
export type Ask = (q: string) => Promise<Result>;

interface Result {
  error?: string;
  series?: Series[];
}

export interface Series {
  columns: string[];
  /** The time in milliseconds first. */
  values: unknown[][];
  tags?: Record<string, string>;
}

export const asker =
  (url: string, database: string): Ask =>
  async (q) => {
    const answer = await fetch(`${url}/query?${new URLSearchParams({ db: database, epoch: 'ms', q })}`);
    const body = (await answer.json()) as { results?: Result[]; error?: string };
    return body.results?.[0] ?? { error: body.error ?? `status ${answer.status}` };
  };

/** Asks all that the committed dashboards, their variables and the alert rules ask. */
export async function askAll(root: string, ask: Ask): Promise<Findings> {
  const dashboards = readDashboards(root);
  const answers: Answer[] = [];
  for (const asking of [...dashboards.map(dashboardQuestions), alertQuestions(root)])
    answers.push(...(await askOf(asking, ask)));
  const panels = dashboards.flatMap((d) => d.panels.filter(({ type }) => type !== 'row')).length;
  return { dashboards, panels, answers };
}

async function askOf({ title, variables, questions }: Asking, ask: Ask): Promise<Answer[]> {
  const values = new Map<string, string>();
  const answers: Answer[] = [];
  for (const variable of variables) {
    const q = filledIn(variable.query, 0, values, 0);
    const result = await ask(q);
    answers.push(judged(`${title} / variable ${variable.name}`, q, result));
    values.set(variable.name, chosen(variable, result));
  }
  for (const { where, text, rangeS } of questions) {
    const q = filledIn(text, rangeS, values, Date.now());
    answers.push(judged(where, q, await ask(q)));
  }
  return answers;
}

/** What a dashboard shows when it is opened: all, or the first of its order. */
function chosen({ multi, sort }: Variable, { series = [] }: Result): string {
  if (multi) return '.*';
  // SHOW TAG VALUES says the key first.
  const values = series.flatMap(({ columns, values }) =>
    values.map((row) => String(row[columns.indexOf('value')] ?? row[0])),
  );
  if (sort > 0) values.sort();
  return (sort > 0 && sort % 2 === 0 ? values.at(-1) : values[0]) ?? '';
}

function judged(where: string, text: string, { error, series = [] }: Result): Answer {
  const columns = [...new Set(series.flatMap((one) => one.columns))];
  const empty = columns.filter((column) =>
    series.every((one) => one.values.every((row) => row[one.columns.indexOf(column)] == null)),
  );
  const rows = series.reduce((sum, one) => sum + one.values.length, 0);
  return { where, text, rows, series, empty, ...(error === undefined ? {} : { error }) };
}

/** Every column has a value somewhere: a panel whose field nothing writes shows nothing. */
export const hasRows = ({ rows, empty, error }: Answer) => rows > 0 && empty.length === 0 && !error;

/** Every question has its rows, and every field of the table was written. */
export const isWhole = ({ answers, unwritten = [] }: Findings) =>
  answers.every(hasRows) && unwritten.length === 0;

/** What was asked in vain, then the count. */
export function findingsText({ panels, answers, unwritten = [] }: Findings): string {
  const vain = answers.filter((answer) => !hasRows(answer));
  const lines = vain.map(({ where, text, empty, error }) => {
    const why = error ?? (empty.length > 0 ? `nothing in ${empty.join(', ')}` : 'no rows');
    return `${where}: ${why}\n  ${text}`;
  });
  if (unwritten.length > 0) lines.push(`written by nothing: ${unwritten.join(', ')}`);
  const filled = answers.length - vain.length;
  return [...lines, `dashboards: ${panels} panels, ${answers.length} queries, ${filled} with rows`].join(
    '\n',
  );
}
