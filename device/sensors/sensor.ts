import type { FieldOf } from '../../schemas/measurements.js';
import type { Board } from './board.js';

/** Of a point of utilization. */
export type Fields = { readonly [F in FieldOf<'utilization'>]?: number | undefined };

/** What a sensor tells at one time. */
export interface Reading {
  fields?: Fields;
  /** °C by thermal zone. */
  zones?: Readonly<Record<string, number>>;
  /** W by rail. */
  rails?: Readonly<Record<string, number>>;
}

/** One thing that can fail for itself: a rail, a zone, a clock. */
export interface Sensor {
  name: string;
  /**
   * Undefined: well, with nothing to tell, as a counter at its first reading, or a part that is switched off.
   * @param nowMs monotonic
   * @throws where it does not answer, or answers nonsense
   */
  read(nowMs: number): Promise<Reading | undefined>;
}

/** Looks for one kind of sensor on a board. Only those that answer are there. */
export type Finder = (board: Board) => Promise<Sensor[]>;

/** Rails of one kind of power sensor, and how they add up. */
export interface PowerRails {
  /** As the tag `source` of a point of power. */
  source: string;
  /** Watts are means since the reading before, not values of the moment. */
  averages: boolean;
  sensors: Sensor[];
  /** Of the board or the package; undefined where these rails add up to neither. */
  total(rails: Readonly<Record<string, number>>): number | undefined;
}

/** A number in its range. @throws what it is, and what was expected */
export function within(value: number, low: number, high: number, what: string): number {
  if (value >= low && value <= high) return value;
  throw new Error(`${value} is no ${what}: expected ${low} to ${high}`);
}

/** Rails are measured around an offset, so that one that draws nothing may read a little below 0. */
export const plausibleWatts = (watts: number) => within(watts, -1, 5000, 'power in W');

/** A name as a tag of a point: short, of letters that need no escape. */
export const tagOf = (name: string) => name.replace(/[^A-Za-z0-9_.+-]+/g, '_').slice(0, 32);

/** Whether something can be read, for the search. */
export const answers = (read: () => Promise<unknown>) =>
  read().then(
    () => true,
    () => false,
  );

/** Undefined where one of the rails is missing. */
export const sumOf = (labels: readonly string[], rails: Readonly<Record<string, number>>) =>
  labels.reduce<number | undefined>((sum, label) => {
    const watts = rails[label];
    return sum === undefined || watts === undefined ? undefined : sum + watts;
  }, 0);
