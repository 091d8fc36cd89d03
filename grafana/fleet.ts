import { dashboard } from './dashboard.js';
import { over, scoped } from './influxql.js';
import { bars, lines, stat, table, timeline } from './panels.js';

const from = scoped(['fleet', 'device'], 'kept');
/** The newest value of each device, put together. */
const newest = { by: ['device'] } as const;
const yesNo = { 0: ['no', 'text'], 1: ['yes', 'green'] } as const;
const upGone = { 0: ['gone', 'red'], 1: ['up', 'green'] } as const;

/** Who is up, what they run, how warm they are and what waits in them. */
export const fleet = dashboard({
  uid: 'fleetune-fleet',
  title: 'Fleet',
  description: 'Who is up, versions, temperature and queues of a fleet.',
  from: 'now-1h',
  variables: ['fleet', 'devices', 'kept'],
  rows: {
    Now: [
      stat({
        title: 'Devices up',
        description: 'Devices whose last word in the range was that they are up. Red: none.',
        width: 4,
        query: over(from('device', { columns: { up: 'last(up)' }, ...newest }), 'sum'),
        steps: ['red', [1, 'green']],
      }),
      stat({
        title: 'Devices ready',
        description:
          'Devices that can take a task: right model, text to train on, nothing wrong. Yellow: none.',
        width: 4,
        query: over(from('device', { columns: { ready: 'last(ready)' }, ...newest }), 'sum'),
        steps: ['yellow', [1, 'green']],
      }),
      stat({
        title: 'Failed rounds',
        description:
          'Rounds in the range that closed without a quorum of updates. Yellow from 1, red from 3.',
        width: 4,
        query: from('round', { columns: { failed: ['count(closed)', '-', 'sum(closed)'] } }),
        steps: ['green', [1, 'yellow'], [3, 'red']],
      }),
      stat({
        title: 'Hottest device',
        description:
          'The hottest thermal zone of any device, its newest reading. Yellow from 75 °C, red from 85 °C: ' +
          'boards begin to slow down some ten degrees above.',
        width: 4,
        query: over(from('utilization', { columns: { hottest: 'last(temperature_c)' }, ...newest }), 'max'),
        decimals: 1,
        steps: ['green', [75, 'yellow'], [85, 'red']],
      }),
      stat({
        title: 'Watts of the fleet',
        description:
          'Newest reading of rail “total” of every device, added up; devices without a sensor count 0.',
        width: 4,
        query: over(
          from('power', { columns: { watts: 'last(watts)' }, where: { rail: 'total' }, ...newest }),
          'sum',
        ),
        decimals: 1,
      }),
      stat({
        title: 'Points dropped',
        description:
          'Points that were lost or refused since each service began: a full spool, a wrong type. Red from 1.',
        width: 4,
        query: over(from('telemetry', { columns: { dropped: 'last(dropped)' }, ...newest }), 'sum'),
        steps: ['green', [1, 'red']],
      }),
    ],
    Devices: [
      timeline({
        title: 'Up',
        description: 'When each device was in the fleet (green) and when it was gone (red).',
        width: 16,
        query: from('device', {
          columns: { up: 'last(up)' },
          by: ['device'],
          perInterval: true,
          fill: 'previous',
        }),
        steps: ['red', [1, 'green']],
        states: upGone,
      }),
      bars({
        title: 'Versions',
        description: 'Devices by the version of the device service that they last told.',
        width: 8,
        query: over(
          from('device', { columns: { devices: 'last(uptime_s)' }, by: ['device', 'version'] }),
          'count',
          {
            by: ['version'],
          },
        ),
        decimals: 0,
        min: 0,
      }),
      table({
        title: 'Devices',
        description: 'The last that each device said of itself.',
        width: 24,
        query: from('device', {
          columns: {
            version: 'version',
            up: 'last(up)',
            ready: 'ready',
            busy: 'busy',
            uptime: 'uptime_s',
            'examples to train on': 'train_examples',
            'updates waiting': 'waiting_updates',
          },
          by: ['device'],
        }),
        unit: 'none',
        heard: 'last heard',
        states: { up: upGone, ready: yesNo, busy: yesNo },
      }),
    ],
    'Heat and power': [
      lines({
        title: 'Temperature',
        description: 'Hottest thermal zone of each device. Dashed: 75 °C and 85 °C, where the alert is.',
        width: 12,
        query: from('utilization', {
          columns: { hottest: 'max(temperature_c)' },
          by: ['device'],
          perInterval: true,
        }),
        steps: ['green', [75, 'yellow'], [85, 'red']],
      }),
      lines({
        title: 'Power',
        description: 'Rail “total” of each device, one above the other: the whole is the fleet’s.',
        width: 12,
        query: from('power', {
          columns: { watts: 'mean(watts)' },
          where: { rail: 'total' },
          by: ['device'],
          perInterval: true,
        }),
        min: 0,
        stacked: true,
      }),
    ],
    Queues: [
      lines({
        title: 'Updates waiting',
        description:
          'Updates that a device has made and not handed in: the coordinator is away, or the link is slow.',
        width: 8,
        query: from('device', {
          columns: { waiting: 'max(waiting_updates)' },
          by: ['device'],
          perInterval: true,
          fill: 'previous',
        }),
        min: 0,
        steps: ['green', [2, 'yellow']],
      }),
      lines({
        title: 'Spools',
        description:
          'Share of each spool’s limit that points not yet taken fill. Dashed: half, where the alert is, and 90 %; ' +
          'a full spool drops its oldest.',
        width: 8,
        query: from('telemetry', {
          columns: { filled: ['max(spool_bytes)', '/', 'max(spool_limit_bytes)'] },
          by: ['device'],
          perInterval: true,
        }),
        min: 0,
        steps: ['green', [0.5, 'yellow'], [0.9, 'red']],
      }),
      lines({
        title: 'Oldest point not yet taken',
        description: 'How far InfluxDB is behind each service. Dashed: 2 minutes, and 5, where the alert is.',
        width: 8,
        query: from('telemetry', { columns: { oldest: 'max(oldest_s)' }, by: ['device'], perInterval: true }),
        min: 0,
        steps: ['green', [120, 'yellow'], [300, 'red']],
      }),
      lines({
        title: 'Points taken',
        description:
          'Points that InfluxDB, or the coordinator on its behalf, took from each service since it began.',
        width: 12,
        query: from('telemetry', { columns: { taken: 'max(delivered)' }, by: ['device'], perInterval: true }),
        min: 0,
      }),
      lines({
        title: 'Sensors failing',
        description:
          'Sensors of each device that were there at its start and answer no more, or nonsense. Red from 1.',
        width: 12,
        query: from('utilization', {
          columns: { failing: 'max(sensors_failing)' },
          by: ['device'],
          perInterval: true,
        }),
        min: 0,
        steps: ['green', [1, 'red']],
      }),
    ],
  },
});
