import { type Measurement, measurements } from '../schemas/measurements.js';
import type { Point } from '../schemas/messages.js';

/** Of one tag, of one writer: more rails or zones than any board has. */
export const maxTagValues = 64;
/** Tags whose values are bounded by what InfluxDB keeps, not by the board. */
const unbounded = new Set(['run']);

/** Lets in what the table of measurements knows, so that no writer can fill InfluxDB with series. */
export class SeriesGuard {
  /** Writer and tag → the values seen. */
  readonly #values = new Map<string, Set<string>>();

  /**
   * Points without the fields that are not in the table.
   * @param lost told of points that are not let in
   */
  admit(points: readonly Point[], writer: string, lost: (points: number, reason: string) => void): Point[] {
    return points.flatMap((point) => {
      const problem = this.#problem(point, writer);
      if (problem === undefined) return [withKnownFields(point)];
      lost(1, `from ${writer}: ${problem}`);
      return [];
    });
  }

  #problem({ measurement, tags, fields }: Point, writer: string): string | undefined {
    const known = Object.hasOwn(table, measurement) ? table[measurement] : undefined;
    if (!known) return `${measurement} is not measured here`;
    if (!Object.keys(fields).some((field) => Object.hasOwn(known.fields, field)))
      return `${measurement} has none of its fields`;
    for (const [tag, value] of Object.entries(tags)) {
      if (!known.tags.includes(tag)) return `${measurement} has no tag ${tag}`;
      if (!unbounded.has(tag) && !this.#hasRoom(`${writer}/${measurement}/${tag}`, value))
        return `tag ${tag} of ${measurement} has more than ${maxTagValues} values`;
    }
    return undefined;
  }

  #hasRoom(key: string, value: string): boolean {
    const values = this.#values.get(key) ?? new Set();
    this.#values.set(key, values);
    return values.has(value) || (values.size < maxTagValues && values.add(value).size > 0);
  }
}

const table: Record<string, Measurement> = measurements;

function withKnownFields(point: Point): Point {
  const { fields: known } = table[point.measurement]!;
  const entries = Object.entries(point.fields).filter(([field]) => Object.hasOwn(known, field));
  return { ...point, fields: Object.fromEntries(entries) };
}
