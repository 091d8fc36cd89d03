import type { RoundRecord, RunSummary } from '../schemas/status.js';
import { plain } from './live-text.js';
import { bytesText, type Column, fixed, table } from './tables.js';

const joulesText = (joules: number | null) => (joules === null ? 'no sensor' : fixed(joules, 0));

const columns: Column<RoundRecord>[] = [
  { title: 'round', cell: ({ round }) => String(round), right: true },
  {
    title: 'participants',
    cell: ({ participants, invited }) => `${participants.length} of ${invited.length}`,
    right: true,
  },
  { title: 'train loss', cell: ({ trainLoss }) => fixed(trainLoss, 4), right: true },
  { title: 'eval loss', cell: ({ evalLoss }) => fixed(evalLoss, 4), right: true },
  { title: 'ROUGE-L', cell: ({ rougeL }) => fixed(rougeL, 2), right: true },
  { title: 'up', cell: ({ bytesUp }) => bytesText(bytesUp), right: true },
  { title: 'down', cell: ({ bytesDown }) => bytesText(bytesDown), right: true },
  { title: 'seconds', cell: ({ seconds }) => fixed(seconds, 1), right: true },
  { title: 'joules', cell: ({ joules }) => joulesText(joules), right: true },
];

/** The rounds of a run as a table, with a line for each that failed or left a device out. */
export function roundTable(records: readonly RoundRecord[]): string {
  const remarks = records.flatMap(({ round, state, reason, refused }) => [
    ...(state === 'failed' ? [`round ${round} failed: ${reason}`] : []),
    ...Object.entries(refused).map(([device, why]) => `round ${round}, ${device}: ${why}`),
  ]);
  return [table(columns, records), ...remarks.map(plain)].join('\n');
}

/** What the run brought, in a line: loss and ROUGE-L before → after. */
export function beforeAfter({ before, after }: Pick<RunSummary, 'before' | 'after'>): string {
  if (!before || !after) return 'before → after: not evaluated';
  const ratio = before.loss > 0 ? ` (× ${fixed(after.loss / before.loss, 2)})` : '';
  const gain = after.rougeL - before.rougeL;
  return (
    `before → after: loss ${fixed(before.loss, 4)} → ${fixed(after.loss, 4)}${ratio}, ` +
    `ROUGE-L ${fixed(before.rougeL, 2)} → ${fixed(after.rougeL, 2)} (${gain < 0 ? '' : '+'}${fixed(gain, 2)})`
  );
}

/** Peak memory of each process, on one or a few lines; 0 bytes: the system does not tell. */
export function memoryText(peaks: ReadonlyMap<string, number>): string {
  const told = (bytes: number) => (bytes > 0 ? `${Math.round(bytes / 1024 ** 2)} MiB` : 'not told here');
  return `peak memory: ${[...peaks].map(([name, bytes]) => `${name} ${told(bytes)}`).join(', ')}`;
}
