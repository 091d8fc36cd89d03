import { type Column, fixed, table } from '../tables.js';
import type { Ended } from './cell.js';
import { type Cell, gigabytes, type Largest } from './plan.js';
import { correlation, type Spread, spreadOf } from './statistics.js';

/** What became of a cell. */
export type Result = Cell &
  (({ state: 'measured' } & Measures) | { state: 'skipped' | 'out of memory' | 'failed'; reason: string });

export interface Measures {
  steps: number;
  stepMs: Spread;
  /** Medians of a step's parts. */
  forwardBackwardMs: number;
  optimizerMs: number;
  dataMs: number;
  /** By the median step. */
  tokensPerSecond: number;
  gflops: number;
  peakRssMb: number;
  /** Of it what was there before the first batch. */
  loadedMb: number;
  /** Undefined without a sensor. */
  watts: number | undefined;
  tokensPerJoule: number | undefined;
}

export type Measured = Extract<Result, { state: 'measured' }>;

export function resultOf(cell: Cell, ended: Ended): Result {
  if (ended.kind !== 'done') return { ...cell, state: ended.kind, reason: ended.reason };
  const { steps, flops, peakRssMb, loadedMb, spent } = ended;
  const stepMs = spreadOf(steps.map(({ ms }) => ms));
  const part = (name: keyof (typeof steps)[0]['parts']) =>
    spreadOf(steps.map(({ parts }) => parts[name])).median;
  const tokens = cell.batch * (cell.source + cell.target);
  return {
    ...cell,
    state: 'measured',
    steps: steps.length,
    stepMs,
    forwardBackwardMs: part('runMs'),
    optimizerMs: part('optimizerMs'),
    dataMs: part('dataMs'),
    tokensPerSecond: (tokens * 1000) / stepMs.median,
    gflops: flops / stepMs.median / 1e6,
    peakRssMb,
    loadedMb,
    watts: spent && spent.seconds > 0 ? spent.joules / spent.seconds : undefined,
    tokensPerJoule: spent && spent.joules > 0 ? (tokens * steps.length) / spent.joules : undefined,
  };
}

export const isMeasured = (result: Result): result is Measured => result.state === 'measured';

/** Of the best rate of matrix products in the run, or undefined where none was measured. */
export const mfuOf = ({ gflops }: Measures, ceilingGflops: number | undefined) =>
  ceilingGflops ? gflops / ceilingGflops : undefined;

/** The sweep as a table for a terminal. */
export function sweepTable(results: readonly Result[], ceilingGflops: number | undefined): string {
  const of = (tell: (row: Measured) => string) => (row: Result) => (isMeasured(row) ? tell(row) : '–');
  const right = true;
  const columns: Column<Result>[] = [
    { title: 'bits', cell: ({ baseBits }) => `${baseBits}`, right },
    { title: 'source', cell: ({ source }) => `${source}`, right },
    { title: 'batch', cell: ({ batch }) => `${batch}`, right },
    { title: 'tokens/s', cell: of((row) => fixed(row.tokensPerSecond, 0)), right },
    { title: 'step ms', cell: of(({ stepMs }) => fixed(stepMs.median, 1)), right },
    { title: 'min–max', cell: of(({ stepMs }) => `${fixed(stepMs.min, 1)}–${fixed(stepMs.max, 1)}`), right },
    { title: 'fwd+bwd', cell: of((row) => fixed(row.forwardBackwardMs, 1)), right },
    { title: 'optimizer', cell: of((row) => fixed(row.optimizerMs, 1)), right },
    { title: 'data', cell: of((row) => fixed(row.dataMs, 1)), right },
    { title: 'MFU', cell: of((row) => percent(mfuOf(row, ceilingGflops))), right },
    { title: 'peak MiB', cell: of((row) => fixed(row.peakRssMb, 0)), right },
    { title: 'watts', cell: of((row) => fixed(row.watts, 1, 'no sensor')), right },
    { title: 'tokens/J', cell: of((row) => fixed(row.tokensPerJoule, 1, 'no sensor')), right },
    { title: '', cell: (row) => (isMeasured(row) ? '' : `${row.state}: ${row.reason}`) },
  ];
  return table(columns, results);
}

const percent = (part: number | undefined) => (part === undefined ? '–' : `${(100 * part).toFixed(0)} %`);

/** A line for each precision and length: the largest batch. */
export const largestText = (all: readonly Largest[], limitMb: number): string =>
  all
    .map(({ baseBits, source, measured, predicted }) => {
      const ran = measured === 0 ? 'no batch ran' : `batch ${measured} ran`;
      const fits = predicted === undefined ? '' : `, ${most(predicted)} fits by the growth seen`;
      return `${baseBits} bits, source ${source}: ${ran}${fits} (in ${gigabytes(limitMb)})`;
    })
    .join('\n');

const most = (batch: number) => (batch > 4096 ? 'more than 4096' : `${batch}`);

/** Whether tokens per joule may stand for MFU on this machine, as arXiv 2310.03150 found on its boards. */
export function efficiencyText(results: readonly Result[]): string | undefined {
  const rows = results.filter(isMeasured);
  const pairs = rows.flatMap(
    ({ gflops, tokensPerJoule }) => (tokensPerJoule === undefined ? [] : [[gflops, tokensPerJoule] as const]), // MFU is gflops over one number.
  );
  if (pairs.length === 0) return undefined;
  const r = correlation(pairs);
  return r === undefined
    ? 'MFU and tokens per joule: too few cells for a correlation'
    : `MFU and tokens per joule correlate with r = ${r.toFixed(2)} over ${pairs.length} cells`;
}

const csvColumns: [string, (row: Result, ceiling: number | undefined) => string | number | undefined][] = [
  ['base_bits', (row) => row.baseBits],
  ['source_tokens', (row) => row.source],
  ['target_tokens', (row) => row.target],
  ['batch', (row) => row.batch],
  ['state', (row) => row.state],
  ['reason', (row) => (isMeasured(row) ? undefined : row.reason)],
  ...(
    [
      ['steps', (row) => row.steps],
      ['tokens_per_second', (row) => row.tokensPerSecond],
      ['step_ms_median', (row) => row.stepMs.median],
      ['step_ms_min', (row) => row.stepMs.min],
      ['step_ms_low_quartile', (row) => row.stepMs.low],
      ['step_ms_high_quartile', (row) => row.stepMs.high],
      ['step_ms_max', (row) => row.stepMs.max],
      ['forward_backward_ms', (row) => row.forwardBackwardMs],
      ['optimizer_ms', (row) => row.optimizerMs],
      ['data_ms', (row) => row.dataMs],
      ['gflops', (row) => row.gflops],
      ['ceiling_gflops', (_, ceiling) => ceiling],
      ['mfu', (row, ceiling) => mfuOf(row, ceiling)],
      ['peak_rss_mib', (row) => row.peakRssMb],
      ['loaded_rss_mib', (row) => row.loadedMb],
      ['watts', (row) => row.watts],
      ['tokens_per_joule', (row) => row.tokensPerJoule],
    ] satisfies [string, (row: Measured, ceiling: number | undefined) => number | undefined][]
  ).map(([name, value]): (typeof csvColumns)[0] => [
    name,
    (row, ceiling) => (isMeasured(row) ? value(row, ceiling) : undefined),
  ]),
];

/** RFC 4180, with a title line; what was not measured is empty. */
export function sweepCsv(results: readonly Result[], ceilingGflops: number | undefined): string {
  const cell = (value: string | number | undefined) => {
    const text = typeof value === 'number' ? `${Number(value.toPrecision(7))}` : (value ?? '');
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = results.map((row) => csvColumns.map(([, value]) => cell(value(row, ceilingGflops))));
  return [csvColumns.map(([name]) => name), ...lines].map((line) => `${line.join(',')}\r\n`).join('');
}
