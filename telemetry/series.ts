import { type MeasurementName, measurements } from '../schemas/measurements.js';

/** What decides how many series there are: InfluxDB has one for each combination of tags that it keeps. */
export interface FleetSize {
  devices: number;
  /** Runs within the retention, each with all devices. */
  runs: number;
  /** Of a device, its total among them. */
  rails: number;
  zones: number;
  /** Versions of the service that a device had within the retention. */
  versions: number;
  /** Ways of a task: init, train, evaluate. */
  kinds: number;
}

/** A Jetson AGX Orin: four rails and the total, ten zones. */
export const orin = { rails: 5, zones: 10, versions: 2, kinds: 3 };

/** Values of a tag beside the others of its series; `fleet` and `source` have one each. */
const valuesOf = ({ devices, runs, rails, zones, versions, kinds }: FleetSize): Record<string, number> => ({
  ...{ fleet: 1, device: devices, run: runs, rail: rails, source: 1, zone: zones, version: versions },
  kind: kinds,
});

/**
 * How many series a fleet makes at most, by measurement: each combination of the tags of the table. Those of
 * the coordinator itself (one `telemetry`) are not counted.
 */
export function seriesOf(size: FleetSize): Record<MeasurementName, number> {
  const values = valuesOf(size);
  const entries = Object.entries(measurements).map(([name, { tags }]) => [
    name,
    tags.reduce((product, tag) => product * (values[tag] ?? Number.NaN), 1),
  ]);
  return Object.fromEntries(entries) as Record<MeasurementName, number>;
}

/** All of them together. */
export const totalSeries = (size: FleetSize) =>
  Object.values(seriesOf(size)).reduce((sum, count) => sum + count, 0);
