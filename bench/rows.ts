import type { EngineSettings } from '../device/engine/engine.js';
import type { Size } from './geometries.js';

/** What one line of the table measures. */
export interface Row {
  size: Size;
  batch: number;
  /** Tokens of each row, none of them padding. */
  source: number;
  target: number;
  engine: Omit<EngineSettings, 'threads'>;
}

/** What it found: a line of bench/results/engine.json. */
export interface EngineRow {
  model: string;
  baseBits: number;
  memory: string;
  recompute: boolean;
  batch: number;
  source: number;
  target: number;
  /** Median. */
  stepMs: number;
  minStepMs: number;
  tokensPerSecond: number;
  gflops: number;
  ceilingGflops: number;
  mfu: number;
  peakRssMb: number;
}

const short = { source: 256, target: 48 };
const long = { source: 512, target: 96 };

/** Rows by name. The first two are the default. */
export const rows: Record<string, Row> = {
  small: { size: 'small', batch: 8, ...short, engine: {} },
  base: { size: 'base', batch: 4, ...short, engine: {} },
  large: { size: 'large', batch: 2, ...short, engine: {} },
  'small-long': { size: 'small', batch: 8, ...long, engine: {} },
  'small-long-recompute': { size: 'small', batch: 8, ...long, engine: { recompute: true } },
  'small-memory-small': { size: 'small', batch: 8, ...short, engine: { memory: 'small' } },
  'base-memory-small': { size: 'base', batch: 4, ...short, engine: { memory: 'small' } },
  'small-8-bit': { size: 'small', batch: 8, ...short, engine: { baseBits: '8' } },
  'small-4-bit': { size: 'small', batch: 8, ...short, engine: { baseBits: '4' } },
  'base-8-bit': { size: 'base', batch: 4, ...short, engine: { baseBits: '8' } },
  'base-4-bit': { size: 'base', batch: 4, ...short, engine: { baseBits: '4' } },
  'large-8-bit': { size: 'large', batch: 2, ...short, engine: { baseBits: '8' } },
  'large-4-bit': { size: 'large', batch: 2, ...short, engine: { baseBits: '4' } },
  'xl-4-bit': { size: 'xl', batch: 1, ...short, engine: { baseBits: '4' } },
};

export const defaultRows = ['small', 'base'];
/** Beside PyTorch: as fast as it gets, and as small. */
export const peerRows = [...defaultRows, 'small-memory-small', 'base-memory-small'];

/** Names of rows that somebody asks for. @throws Error that lists the names there are */
export function chosenRows(names: string): string[] {
  const chosen = names === 'all' ? Object.keys(rows) : names.split(',').map((name) => name.trim());
  const unknown = chosen.filter((name) => !Object.hasOwn(rows, name));
  if (unknown.length > 0)
    throw new Error(`--rows ${unknown.join(', ')}: expected all, or of: ${Object.keys(rows).join(', ')}`);
  return chosen;
}
