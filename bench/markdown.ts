/** Records as an aligned Markdown table: readable on a terminal, and as it is in docs/benchmarks.md. */
export function markdown(records: readonly object[]): string {
  const titles = Object.keys(records[0] ?? {});
  const cells = records.map((record) => Object.values(record).map(cellText));
  const widths = titles.map((title, i) => Math.max(title.length, 3, ...cells.map((row) => row[i]!.length)));
  const numeric = titles.map((_, i) => typeof Object.values(records[0]!)[i] === 'number');
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => (numeric[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join(' | ')} |`;
  const rule = widths.map((width, i) => (numeric[i] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  return [line(titles), line(rule), ...cells.map(line)].join('\n');
}

/** Four digits that count, never an exponent. */
const cellText = (value: unknown) => {
  if (typeof value !== 'number') return `${value}`;
  const digits = value === 0 ? 0 : Math.max(0, 3 - Math.floor(Math.log10(Math.abs(value))));
  return Number.isInteger(value) ? `${value}` : value.toFixed(Math.min(digits, 3));
};
