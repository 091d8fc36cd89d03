import { Rates } from '../runtime/rate.js';
import { type Measurement, measurements } from '../schemas/measurements.js';
import type { Point } from '../schemas/messages.js';

/** Of one tag, of one writer: more rails or zones than any board has. */
export const maxTagValues = 64;
/** Tags that have new values for ever: so many at once, and one more each minute. */
const growing = new Set(['run']);
const growth = { burst: maxTagValues, perS: 1 / 60 };
/** Of these: of older ones nothing comes any more. */
const maxRemembered = 1000;

/** Nothing was measured before. */
const earliestMs = Date.UTC(2025, 0, 1);
/** That a board's clock may be ahead of ours. */
const aheadMs = 86_400_000;

/**
 * Lets in what the table of measurements knows, at a time that can be, so that no writer can fill InfluxDB with series, nor
 * with shards: it keeps files open, and memory, for each day that has a point.
 */
export class SeriesGuard {
  /** Writer and tag → the values seen. */
  readonly #values = new Map<string, Set<string>>();
  readonly #growth = new Rates(growth);

  /**
   * Points without the fields that are not in the table.
   * @param nowMs where this clock is not set, times ahead of it are let in
   * @param lost told of points that are not let in
   */
  admit(
    points: readonly Point[],
    writer: string,
    nowMs: number,
    lost: (points: number, reason: string) => void,
  ): Point[] {
    return points.flatMap((point) => {
      const problem = this.#problem(point, writer, nowMs);
      if (problem === undefined) return [withKnownFields(point)];
      lost(1, `from ${writer}: ${problem}`);
      return [];
    });
  }

  #problem({ measurement, tags, fields, timeMs }: Point, writer: string, nowMs: number): string | undefined {
    const known = Object.hasOwn(table, measurement) ? table[measurement] : undefined;
    if (!known) return `${measurement} is not measured here`;
    if (!Object.keys(fields).some((field) => Object.hasOwn(known.fields, field)))
      return `${measurement} has none of its fields`;
    if (timeMs < earliestMs || (nowMs >= earliestMs && timeMs > nowMs + aheadMs))
      return `${measurement} has a time at which nothing can have been measured: ${shown(timeMs)}`;
    for (const [tag, value] of Object.entries(tags)) {
      if (!known.tags.includes(tag)) return `${measurement} has no tag ${tag}`;
      if (!this.#hasRoom(`${writer}/${measurement}/${tag}`, value, growing.has(tag) ? nowMs : undefined))
        return `tag ${tag} of ${measurement} has more than ${maxTagValues} values${growing.has(tag) ? ' at once' : ''}`;
    }
    return undefined;
  }

  /** @param growsMs the time, of a tag that has new values for ever */
  #hasRoom(key: string, value: string, growsMs: number | undefined): boolean {
    const values = this.#values.get(key) ?? new Set();
    this.#values.set(key, values);
    if (values.has(value)) return true;
    const hasRoom = growsMs === undefined ? values.size < maxTagValues : this.#growth.takeOne(key, growsMs);
    if (hasRoom) values.add(value);
    if (values.size > maxRemembered) values.delete(values.values().next().value!);
    return hasRoom;
  }
}

/** A whole number may be no date. */
const shown = (timeMs: number) => (timeMs < 8.64e15 ? new Date(timeMs).toISOString() : String(timeMs));

const table: Record<string, Measurement> = measurements;

function withKnownFields(point: Point): Point {
  const { fields: known } = table[point.measurement]!;
  const entries = Object.entries(point.fields).filter(([field]) => Object.hasOwn(known, field));
  return { ...point, fields: Object.fromEntries(entries) };
}
