import { type Installed, totalMb } from './installed.js';
import { median } from './machine.js';
import type { Row } from './rows.js';

/** What one side of a comparison took. */
export interface Measured {
  /** Of each step. */
  ms: number[];
  /** Process start to first step done. */
  startMs: number;
  peakRssMb: number;
}

export type Metric = 'tokensPerSecond' | 'peakRssMb' | 'startToFirstStepMs' | 'installedMb';

export interface PeerRow {
  model: string;
  /** Of ours: fast or small. */
  memory: string;
  batch: number;
  source: number;
  target: number;
  /** Of theirs. */
  variant: string;
  metric: Metric;
  ours: number;
  theirs: number;
  /** ours / theirs */
  ratio: number;
}

/** How bench/peers/step.py runs the step. */
export const variants = ['eager', 'compiled', 'bf16', 'checkpointed'] as const;

/** @throws Error that lists the variants there are: step.py would take another for eager */
export function chosenVariants(names: string): string[] {
  const chosen = names.split(',').map((name) => name.trim());
  const unknown = chosen.filter((name) => !variants.includes(name as (typeof variants)[number]));
  if (unknown.length > 0)
    throw new Error(`--variants ${unknown.join(', ')}: expected of: ${variants.join(', ')}`);
  return chosen;
}

/** What a ratio is to reach; it binds on fp32, so not on bf16, nor where theirs trades speed for memory. */
export const targets: Record<Metric, { bound: number; least: boolean }> = {
  tokensPerSecond: { bound: 1.5, least: true },
  peakRssMb: { bound: 0.6, least: false },
  startToFirstStepMs: { bound: 0.3, least: false },
  installedMb: { bound: 0.1, least: false },
};
export const bindingVariants = ['eager', 'compiled', 'any'];

export function comparisons(row: Row, variant: string, ours: Measured, theirs: Measured): PeerRow[] {
  const { size, batch, source, target, engine } = row;
  const memory = engine.memory ?? 'fast';
  const head = { model: `flan-t5-${size}`, memory, batch, source, target, variant };
  const tokensPerSecond = ({ ms }: Measured) => (batch * (source + target) * 1000) / median(ms);
  return [
    compared(head, 'tokensPerSecond', tokensPerSecond(ours), tokensPerSecond(theirs)),
    compared(head, 'peakRssMb', ours.peakRssMb, theirs.peakRssMb),
    compared(head, 'startToFirstStepMs', ours.startMs, theirs.startMs),
  ];
}

/** One row for all models and variants: what lies on the disk is the same. */
export const installedComparison = (ours: Installed, theirs: Installed): PeerRow =>
  compared(
    { model: 'any', memory: 'any', batch: 0, source: 0, target: 0, variant: 'any' },
    'installedMb',
    totalMb(ours),
    totalMb(theirs),
  );

const compared = (
  head: Omit<PeerRow, 'metric' | 'ours' | 'theirs' | 'ratio'>,
  metric: Metric,
  ours: number,
  theirs: number,
): PeerRow => ({ ...head, metric, ours, theirs, ratio: ours / theirs });

/** A line for each binding row: held, or not and by how much. */
export const verdicts = (rows: readonly PeerRow[]): string[] =>
  rows
    .filter(({ variant }) => bindingVariants.includes(variant))
    .map(({ model, memory, variant, metric, ratio }) => {
      const { bound, least } = targets[metric];
      const held = least ? ratio >= bound : ratio <= bound;
      const aim = `${least ? '≥' : '≤'} ${bound}`;
      return `${held ? 'held    ' : 'NOT HELD'} ${model} (memory ${memory}) ${variant} ${metric}: ${ratio.toFixed(2)} (${aim})`;
    });
