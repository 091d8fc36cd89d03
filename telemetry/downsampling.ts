import { type MeasurementName, measurements } from '../schemas/measurements.js';

/** A retention policy of InfluxDB 1.x. @property days 0: for ever */
export interface Retention {
  name: string;
  days: number;
}

/** Where points go, for how long they stay, and what is made of them. */
export interface Keeping {
  /** Of the points themselves: the policy that is the database's default. */
  raw: Retention;
  /** Means of a minute. */
  minutes: Retention;
  /** Means of an hour, and the rounds. */
  archive: Retention;
}

export interface ContinuousQuery {
  name: string;
  resample: string;
  select: string;
}

/**
 * What is kept longer than the points themselves, and how a group of points becomes one. What belongs to a run
 * on a device (training, task, network) is not: a series for each run and device would stay for ever, and the
 * run's record on the coordinator's disk tells it too.
 */
const gauges = {
  power: 'mean',
  temperature: 'mean',
  utilization: 'mean',
  device: 'last',
  telemetry: 'last',
} satisfies Partial<Record<MeasurementName, 'mean' | 'last'>>;

/** Runs again over this long, so that points which come late through an outage count too. */
const lately = 'RESAMPLE EVERY 30m FOR 2h';
const today = 'RESAMPLE EVERY 1h FOR 1d';

/** The continuous queries of a database. Fields keep their names: a dashboard need only name another policy. */
export function continuousQueries(database: string, { raw, minutes, archive }: Keeping): ContinuousQuery[] {
  const query = (
    [measurement, how]: readonly [MeasurementName, string],
    [from, to, every, resample]: readonly [Retention, Retention, string, string],
  ): ContinuousQuery => {
    const at = ({ name }: Retention) => `"${database}"."${name}"."${measurement}"`;
    const fields = Object.keys(measurements[measurement].fields).map((f) => `${how}("${f}") AS "${f}"`);
    return {
      name: `${measurement}_${to.name}`,
      resample,
      select: `SELECT ${fields.join(', ')} INTO ${at(to)} FROM ${at(from)} GROUP BY time(${every}), *`,
    };
  };
  const ofGauges = Object.entries(gauges) as [MeasurementName, string][];
  return [
    ...ofGauges.map((gauge) => query(gauge, [raw, minutes, '1m', lately])),
    ...ofGauges.map((gauge) => query(gauge, [minutes, archive, '1h', today])),
    query(['round', 'last'], [raw, archive, '10s', lately]),
  ];
}
