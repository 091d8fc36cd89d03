import os from 'node:os';
import { engineSettings } from '../../schemas/engine-settings.js';
import { Refusal } from '../../schemas/refusal.js';
import type { SettingsOf, SettingTable } from '../../schemas/settings.js';
import { builtinModel } from '../builtin-model.js';
import type { Cell, Sweep } from './plan.js';

const { memory, recompute, provider } = engineSettings;

export const benchSettings = {
  model: { kind: 'text', default: builtinModel, help: 'Hugging Face folder of a T5' },
  batchSizes: { kind: 'list', default: ['1', '2', '4', '8'], help: 'rows of a batch, each 1 to 1024' },
  sourceTokens: { kind: 'list', default: ['128', '256', '512'], help: 'of each row, each 8 to 8192' },
  targetTokens: { kind: 'integer', default: 48, min: 4, max: 2048, help: 'of each row' },
  baseBits: { kind: 'list', default: ['32', '8', '4'], help: 'of the frozen base: 32, 8, 4' },
  repetitions: { kind: 'integer', default: 5, min: 1, max: 10_000, help: 'steps of a cell that count' },
  seconds: {
    kind: 'number',
    default: 2,
    min: 0,
    max: 3600,
    help: 'that a cell is measured for at least: power sensors are slow',
  },
  warmUp: { kind: 'integer', default: 2, min: 0, max: 1000, help: 'steps of a cell before those that count' },
  threads: {
    kind: 'integer',
    default: Math.max(1, os.availableParallelism()),
    min: 1,
    max: 1024,
    help: 'of the processor',
  },
  memory,
  recompute,
  provider,
  maxMemoryMb: {
    kind: 'integer',
    default: 0,
    min: 0,
    max: 2 ** 31,
    help: 'that a cell may take, in MiB; 0: nine tenths of what the machine or the control group has left',
  },
  sensorRoot: {
    kind: 'text',
    default: '/',
    help: 'below which power sensors are looked for: another folder where /sys is a copy',
  },
  out: { kind: 'text', default: './fleetune-bench', help: 'folder for bench.csv, bench.json and bench.svg' },
} satisfies SettingTable;

export type BenchSettings = SettingsOf<typeof benchSettings>;

/** @throws Refusal that lists every word of a list that is no such number */
export function sweepOf(settings: BenchSettings, name: string): Sweep {
  const problems: string[] = [];
  const numbers = (flag: string, words: readonly string[], fits: (n: number) => boolean, what: string) => {
    const wrong = words.filter((word) => !/^\d+$/.test(word) || !fits(Number(word)));
    if (wrong.length > 0) problems.push(`${flag}: ${wrong.join(', ')}: expected ${what}`);
    return [...new Set(words.map(Number))].sort((a, b) => a - b);
  };
  const between = (low: number, high: number) => (n: number) => n >= low && n <= high;
  const batches = numbers(
    '--batch-sizes',
    settings.batchSizes,
    between(1, 1024),
    'whole numbers from 1 to 1024',
  );
  const sources = numbers(
    '--source-tokens',
    settings.sourceTokens,
    between(8, 8192),
    'whole numbers from 8 to 8192',
  );
  const bits = numbers('--base-bits', settings.baseBits, (n) => [32, 8, 4].includes(n), 'of 32, 8, 4');
  if (problems.length > 0)
    throw new Refusal(`${name}: ${problems.join('\n  ')}\n(${name} --help lists its settings)`);
  return {
    baseBits: bits.reverse() as Cell['baseBits'][],
    sources,
    target: settings.targetTokens,
    batches,
  };
}
