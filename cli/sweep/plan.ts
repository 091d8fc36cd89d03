/** One combination that `fleetune bench` measures. */
export interface Cell {
  /** Of the frozen base's linear weights. */
  baseBits: 32 | 8 | 4;
  /** Tokens of each row, none of them padding. */
  source: number;
  target: number;
  /** Rows. */
  batch: number;
}

export interface Sweep {
  baseBits: readonly Cell['baseBits'][];
  sources: readonly number[];
  target: number;
  batches: readonly number[];
}

/** All cells: a precision after the other, within it by length, within that by batch, so that memory only grows. */
export const cellsOf = ({ baseBits, sources, target, batches }: Sweep): Cell[] =>
  baseBits.flatMap((bits) =>
    sources.flatMap((source) => batches.map((batch) => ({ baseBits: bits, source, target, batch }))),
  );

/** A cell's peak of resident memory. */
export interface Peak extends Cell {
  peakRssMb: number;
  /** Of it what a process takes that trains next to nothing: weights, the runtime and its copies. */
  loadedMb: number;
}

/** Peak memory of a shape as a line: what is there without any row, and what each row adds. */
interface Line {
  source: number;
  fixedMb: number;
  perRowMb: number;
}

/**
 * What a cell will need, from what smaller ones of its precision took: along the line through the last two batches of its
 * length; a row's part grows by the square of the tokens where only shorter ones are known, which is more than it does
 * (attention grows so, the rest in proportion). Undefined where nothing is known.
 */
export function predictedPeakMb(cell: Cell, known: readonly Peak[]): number | undefined {
  const line = linesOf(cell, known).findLast(({ source }) => source <= cell.source);
  if (!line) return undefined;
  const growth = (cell.source + cell.target) / (line.source + cell.target);
  return line.fixedMb + line.perRowMb * cell.batch * growth ** 2;
}

/** Why a cell is left out: it was predicted not to fit, or a smaller batch of its shape already did not. */
export function refusalOf(
  cell: Cell,
  known: readonly Peak[],
  failed: readonly Cell[],
  limitMb: number,
): string | undefined {
  const smaller = failed.find((other) => sameShape(cell, other) && other.batch <= cell.batch);
  if (smaller) return `batch ${smaller.batch} did not fit`;
  const needMb = predictedPeakMb(cell, known);
  return needMb !== undefined && needMb > limitMb
    ? `would take about ${gigabytes(needMb)} of ${gigabytes(limitMb)}`
    : undefined;
}

export interface Largest {
  baseBits: Cell['baseBits'];
  source: number;
  /** The largest that ran; 0: none. */
  measured: number;
  /** The largest that fits by the growth that was seen; undefined where one batch alone says nothing about growth. */
  predicted: number | undefined;
}

/** For each precision and length, the largest batch. */
export function largestBatches(
  sweep: Sweep,
  known: readonly Peak[],
  failed: readonly Cell[],
  limitMb: number,
): Largest[] {
  return sweep.baseBits.flatMap((baseBits) =>
    sweep.sources.map((source) => {
      const shape = { baseBits, source, target: sweep.target, batch: 1 };
      const own = known.filter((peak) => sameShape(peak, shape));
      const measured = Math.max(0, ...own.map(({ batch }) => batch));
      const line = own.length > 1 ? linesOf(shape, own).at(-1)! : undefined;
      const fits =
        line && line.perRowMb > 0 ? Math.floor((limitMb - line.fixedMb) / line.perRowMb) : undefined;
      // A batch that was killed is more than fits, whatever the line says.
      const least = Math.min(
        ...failed.filter((cell) => sameShape(cell, shape)).map(({ batch }) => batch - 1),
      );
      const predicted = fits === undefined ? undefined : Math.max(measured, Math.min(fits, least));
      return { baseBits, source, measured, predicted };
    }),
  );
}

const sameShape = (a: Cell, b: Cell) =>
  a.baseBits === b.baseBits && a.source === b.source && a.target === b.target;

/** Lines of a cell's precision by length: through the last two batches, or from what is loaded to the only one. */
function linesOf({ baseBits }: Pick<Cell, 'baseBits'>, known: readonly Peak[]): Line[] {
  const own = known.filter((peak) => peak.baseBits === baseBits).toSorted((a, b) => a.batch - b.batch);
  const sources = [...new Set(own.map(({ source }) => source))].sort((a, b) => a - b);
  const lines: Line[] = [];
  for (const source of sources) {
    const peaks = own.filter((peak) => peak.source === source);
    const [last, before] = [peaks.at(-1)!, peaks.at(-2)];
    const perRowMb = before
      ? Math.max(0, (last.peakRssMb - before.peakRssMb) / (last.batch - before.batch))
      : (last.peakRssMb - last.loadedMb) / last.batch;
    lines.push({ source, fixedMb: last.peakRssMb - perRowMb * last.batch, perRowMb });
  }
  return lines;
}

export const gigabytes = (mb: number) => `${(mb / 1024).toFixed(mb < 10_240 ? 2 : 1)} GiB`;
