/** A unit that makes numbers of a size easy to read. */
export interface Unit {
  name: string;
  /** In the quantity's own unit. */
  size: number;
}

type Ladder = readonly Unit[];

const bytes: Ladder = ['B', 'KiB', 'MiB', 'GiB', 'TiB'].map((name, i) => ({ name, size: 1024 ** i }));
const joules: Ladder = ['J', 'kJ', 'MJ', 'GJ'].map((name, i) => ({ name, size: 1000 ** i }));
const seconds: Ladder = [
  { name: 's', size: 1 },
  { name: 'min', size: 60 },
  { name: 'h', size: 3600 },
];

/** The unit for the axis of these numbers: of the largest of them at least 2, where there is one so small. */
const unitIn = (ladder: Ladder, values: readonly (number | null)[]): Unit => {
  const most = values.reduce<number>((a, b) => Math.max(a, b ?? 0), 0);
  return ladder.findLast(({ size }) => most >= 2 * size) ?? ladder[0]!;
};

export const byteUnit = (values: readonly (number | null)[]) => unitIn(bytes, values);
export const jouleUnit = (values: readonly (number | null)[]) => unitIn(joules, values);
export const secondUnit = (values: readonly (number | null)[]) => unitIn(seconds, values);

/** A number with as many digits as are read, thousands apart: 12,345, 123, 12.3, 1.23, 0.012. */
export function amount(value: number): string {
  const size = Math.abs(value);
  const digits =
    size >= 100 || value === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : undefined;
  if (digits === undefined) return String(Number(value.toPrecision(2)));
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function jouleText(value: number): string {
  const { name, size } = unitIn(joules, [value / 5]);
  return `${amount(value / size)} ${name}`;
}

/** Of a share, 0..1. */
export const percentText = (share: number) => `${amount(100 * share)} %`;

/** `text` of a value, or `absent` where nobody measured it. */
export const known = (value: number | null, text: (value: number) => string, absent = '–') =>
  value === null ? absent : text(value);

/** A date and time of day, in UTC, as a reader anywhere takes it. */
export const timeText = (iso: string) => `${new Date(iso).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
