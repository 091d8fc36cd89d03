/** A column of a plain-text table: its title and how it makes a cell of a row. Numbers stand to the right. */
export interface Column<Row> {
  title: string;
  cell(row: Row): string;
  right?: boolean;
}

/** Rows as aligned plain text with a title line and a rule; columns are two spaces apart. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map((column) => column.cell(row)));
  const widths = columns.map(({ title }, i) => Math.max(title.length, ...cells.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (columns[i]!.right ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  return [
    line(columns.map(({ title }) => title)),
    widths.map((width) => '-'.repeat(width)).join('  '),
    ...cells.map(line),
  ].join('\n');
}

/** A number with `digits` decimals, or `absent` where nobody measured it. */
export const fixed = (value: number | null | undefined, digits: number, absent = '–') =>
  value === null || value === undefined ? absent : value.toFixed(digits);

/** 1, 'device' → "1 device"; 2 → "2 devices". */
export const counted = (count: number, thing: string) => `${count} ${thing}${count === 1 ? '' : 's'}`;

/** 1536 → "1.5 KiB". */
export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(1)} ${units[power - 1]}`;
}

/** 75 → "1 min 15 s". */
export function secondsText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Breaks text at spaces so that no line is longer than `width`, each line after `indent`. Line breaks stay. */
export function wrapped(text: string, indent = '  ', width = 100): string {
  const lines: string[] = [];
  for (const paragraph of text.split(/\r?\n/)) {
    let line = indent;
    for (const word of paragraph.split(' ')) {
      if (line.length > indent.length && line.length + 1 + word.length > width) {
        lines.push(line);
        line = indent;
      }
      line += line.length > indent.length ? ` ${word}` : word;
    }
    lines.push(line.trimEnd());
  }
  return lines.join('\n');
}
