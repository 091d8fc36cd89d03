import { type Query, scoped } from './influxql.js';
import { dataSource, target } from './panel.js';

export interface Alert {
  uid: string;
  title: string;
  /** What it means and what to do. `{{ $labels.device }}` and `{{ $values.B }}` are Grafana's. */
  summary: string;
  severity: 'warning' | 'critical';
  query: Query;
  /** Seconds back that the query looks at. */
  rangeS: number;
  /** Of the newest value of each series. */
  when: readonly ['above' | 'below', number];
  /** How long it must hold before anybody is told. */
  for: string;
  /** Where nothing is written at all. */
  noData: 'OK' | 'Alerting';
}

const from = scoped([]);
const ofDevice = ['fleet', 'device'] as const;
const aDayS = 86_400;

export const alerts: readonly Alert[] = [
  {
    uid: 'fleetune-device-gone',
    title: 'Device gone',
    summary: 'Device {{ $labels.device }} of fleet {{ $labels.fleet }} left without coming back.',
    severity: 'warning',
    query: from('device', { columns: { up: 'last(up)' }, by: ofDevice }),
    rangeS: aDayS,
    when: ['below', 1],
    for: '5m',
    noData: 'OK',
  },
  {
    uid: 'fleetune-too-hot',
    title: 'Device too hot',
    summary: 'Device {{ $labels.device }} is at {{ $values.B }} °C: it slows down soon, or does already.',
    severity: 'warning',
    query: from('utilization', { columns: { hottest: 'mean(temperature_c)' }, by: ofDevice }),
    rangeS: 300,
    when: ['above', 85],
    for: '2m',
    noData: 'OK',
  },
  {
    uid: 'fleetune-rounds-failing',
    title: 'Rounds failing',
    summary: 'Run {{ $labels.run }} of fleet {{ $labels.fleet }}: {{ $values.B }} rounds failed in an hour.',
    severity: 'critical',
    query: from('round', {
      columns: { failed: ['count(closed)', '-', 'sum(closed)'] },
      by: ['fleet', 'run'],
    }),
    rangeS: 3600,
    when: ['above', 1],
    for: '0s',
    noData: 'OK',
  },
  {
    uid: 'fleetune-spool-filling',
    title: 'Spool filling',
    summary:
      'The spool of {{ $labels.device }} is more than half full: it drops the oldest points when it is full. ' +
      'Is InfluxDB, or the broker, away?',
    severity: 'warning',
    query: from('telemetry', {
      columns: { filled: ['last(spool_bytes)', '/', 'last(spool_limit_bytes)'] },
      by: ofDevice,
    }),
    rangeS: 600,
    when: ['above', 0.5],
    for: '1m',
    noData: 'OK',
  },
  {
    uid: 'fleetune-influxdb-behind',
    title: 'InfluxDB behind',
    summary:
      'InfluxDB has not taken points of {{ $labels.device }} for {{ $values.B }} s; without a device here: ' +
      'it has had none of anybody.',
    severity: 'critical',
    query: from('telemetry', { columns: { oldest: 'last(oldest_s)' }, by: ofDevice }),
    rangeS: 600,
    when: ['above', 300],
    for: '1m',
    noData: 'Alerting', // With the whole database behind, there is nothing to read it from.
  },
];

/** The rules as Grafana provisions them: a query, the newest value of each series, a threshold. */
export const alertRules = () => ({
  apiVersion: 1,
  groups: [
    {
      orgId: 1,
      name: 'fleet',
      folder: 'Fleetune',
      interval: '1m',
      rules: alerts.map((alert) => rule(alert)),
    },
  ],
});

function rule(alert: Alert) {
  const range = { from: alert.rangeS, to: 0 };
  const [side, limit] = alert.when;
  const expression = (refId: string, model: Record<string, unknown>) => ({
    refId,
    relativeTimeRange: { from: 0, to: 0 },
    datasourceUid: '__expr__',
    model: { refId, datasource: { type: '__expr__', uid: '__expr__' }, ...model },
  });
  return {
    uid: alert.uid,
    title: alert.title,
    condition: 'C',
    data: [
      {
        refId: 'A',
        relativeTimeRange: range,
        datasourceUid: dataSource.uid,
        model: { ...plainly(target(alert.query, 'A')), intervalMs: 1000, maxDataPoints: 43_200 },
      },
      expression('B', { type: 'reduce', expression: 'A', reducer: 'last', settings: { mode: 'dropNN' } }),
      expression('C', {
        type: 'threshold',
        expression: 'B',
        conditions: [{ evaluator: { type: side === 'above' ? 'gt' : 'lt', params: [limit] } }],
      }),
    ],
    noDataState: alert.noData,
    execErrState: 'Error',
    for: alert.for,
    annotations: { summary: alert.summary },
    labels: { severity: alert.severity },
    isPaused: false,
  };
}

/** Without the SDK's mark, a function. */
const plainly = (value: object): object => JSON.parse(JSON.stringify(value)) as object;
