import { dashboard } from './dashboard.js';
import { scoped } from './influxql.js';
import { lines, stat, table } from './panels.js';

const from = scoped(['fleet', 'device'], 'kept');
const each = { perInterval: true } as const;
/** Totals, and rails that are inside another: NVIDIA's guide counts VDDQ_VDD2_1V8AO into VIN_SYS_5V0. */
const notStacked = /^(total|VDD_IN|VDDQ_VDD2_1V8AO|POM_5V_IN)$/;

/** One board: its rails, its load, what training makes of them. */
export const device = dashboard({
  uid: 'fleetune-device',
  title: 'Device',
  description: 'Power, load and training of one device.',
  from: 'now-1h',
  variables: ['fleet', 'device', 'kept'],
  rows: {
    Now: [
      stat({
        title: 'In the fleet',
        description: 'Whether the device is up, as it or the coordinator said last.',
        width: 3,
        query: from('device', { columns: { up: 'last(up)' } }),
        steps: ['red', [1, 'green']],
        states: { 0: ['gone', 'red'], 1: ['up', 'green'] },
      }),
      stat({
        title: 'At a task',
        description: 'Whether the device is at a task now.',
        width: 3,
        query: from('device', { columns: { busy: 'last(busy)' } }),
        states: { 0: ['idle', 'text'], 1: ['busy', 'blue'] },
      }),
      stat({
        title: 'Uptime',
        description: 'Since the device service began. Yellow below 10 minutes: it was started again lately.',
        width: 3,
        query: from('device', { columns: { uptime: 'last(uptime_s)' } }),
        steps: ['yellow', [600, 'green']],
      }),
      stat({
        title: 'Power',
        description: 'Newest reading of rail “total”; its source is in the legend of the rails.',
        width: 3,
        query: from('power', { columns: { watts: 'last(watts)' }, where: { rail: 'total' } }),
        decimals: 1,
      }),
      stat({
        title: 'Tokens per second',
        description: 'Of the last step: source and target tokens, padding not counted.',
        width: 3,
        query: from('training', { columns: { tokens: 'last(tokens_per_s)' } }),
        decimals: 0,
      }),
      stat({
        title: 'η_e',
        description:
          'Tokens per second and watt of the last step: the energy efficiency of arXiv 2310.03150.',
        width: 3,
        query: from('training', { columns: { efficiency: 'last(tokens_per_joule)' } }),
        decimals: 1,
      }),
      stat({
        title: 'MFU now',
        description:
          'Model FLOPs per second of the last step by the peak of the processor that ran it. Green from 30 %, ' +
          'yellow from 10 %.',
        width: 3,
        query: from('training', { columns: { mfu: 'last(mfu)' } }),
        decimals: 1,
        steps: ['red', [0.1, 'yellow'], [0.3, 'green']],
      }),
      stat({
        title: 'Memory in use',
        description:
          'Share of the board’s memory in use. Yellow from 80 %, red from 95 %: the kernel may kill.',
        width: 3,
        query: from('utilization', {
          columns: { memory: ['last(memory_used_bytes)', '/', 'last(memory_total_bytes)'] },
        }),
        decimals: 0,
        steps: ['green', [0.8, 'yellow'], [0.95, 'red']],
      }),
    ],
    Power: [
      lines({
        title: 'Rails',
        description: 'Rails of the board, one above the other; rails that are part of another are left out.',
        width: 12,
        query: from('power', {
          columns: { watts: 'mean(watts)' },
          where: { rail: { not: notStacked } },
          by: ['rail'],
          ...each,
        }),
        min: 0,
        stacked: true,
      }),
      lines({
        title: 'Total by source',
        description:
          'Rail “total”, named by where it comes from: a sensor (ina3221, rapl, …) or “estimate”, a model of TDP and load.',
        width: 12,
        query: from('power', {
          columns: { watts: 'mean(watts)' },
          where: { rail: 'total' },
          by: ['source'],
          ...each,
        }),
        min: 0,
      }),
    ],
    Load: [
      lines({
        title: 'Utilization',
        description: 'Share of processor, GPU and memory bandwidth (EMC) in use.',
        width: 8,
        query: from('utilization', {
          columns: { CPU: 'mean(cpu_percent)', GPU: 'mean(gpu_percent)', EMC: 'mean(emc_percent)' },
          ...each,
        }),
        min: 0,
        max: 100,
      }),
      lines({
        title: 'Clocks',
        description: 'Mean clock of the cores, clocks of GPU and memory. A fall under load is throttling.',
        width: 8,
        query: from('utilization', {
          columns: { CPU: 'mean(cpu_mhz)', GPU: 'mean(gpu_mhz)', EMC: 'mean(emc_mhz)' },
          ...each,
        }),
        min: 0,
      }),
      lines({
        title: 'Temperature by zone',
        description: 'Thermal zones of the board. Dashed: 75 °C and 85 °C, where the alert is.',
        width: 8,
        query: from('temperature', { columns: { temperature: 'max(celsius)' }, by: ['zone'], ...each }),
        steps: ['green', [75, 'yellow'], [85, 'red']],
      }),
      lines({
        title: 'Memory',
        description:
          'Memory in use and in all; of it the device service’s and its trainer’s resident memory.',
        width: 8,
        query: from('utilization', {
          columns: {
            'in use': 'max(memory_used_bytes)',
            'in all': 'max(memory_total_bytes)',
            service: 'max(service_rss_bytes)',
            trainer: 'max(trainer_rss_bytes)',
          },
          ...each,
        }),
        min: 0,
      }),
      lines({
        title: 'Network and disk',
        description:
          'Bytes per second of the links, not of bridges and tunnels over them, and of whole disks.',
        width: 8,
        query: from('utilization', {
          columns: {
            received: 'mean(net_rx_bytes_per_s)',
            sent: 'mean(net_tx_bytes_per_s)',
            'disk read': 'mean(disk_read_bytes_per_s)',
            'disk written': 'mean(disk_write_bytes_per_s)',
          },
          ...each,
        }),
        min: 0,
      }),
      lines({
        title: 'Disk free',
        description:
          'Where the device keeps its state: updates not handed in, and the spool. Red below 500 MB.',
        width: 8,
        query: from('utilization', { columns: { free: 'min(disk_free_bytes)' }, ...each }),
        min: 0,
        steps: ['red', [500e6, 'green']],
      }),
    ],
    Training: [
      lines({
        title: 'Tokens per second and η_e',
        description: 'Speed of the steps (left) and tokens per second and watt (right).',
        width: 8,
        query: from('training', { columns: { 'tokens/s': 'mean(tokens_per_s)' }, ...each }),
        right: from('training', { columns: { η_e: 'mean(tokens_per_joule)' }, ...each }),
        min: 0,
        spanS: 300,
      }),
      lines({
        title: 'MFU',
        description: 'Model FLOPs per second by the peak of the processor in its mode and precision.',
        width: 8,
        query: from('training', { columns: { MFU: 'mean(mfu)' }, ...each }),
        min: 0,
        spanS: 300,
      }),
      lines({
        title: 'Loss and step',
        description: 'Loss of the steps per label token (left) and their time (right), by run.',
        width: 8,
        query: from('training', { columns: { loss: 'mean(loss)' }, by: ['run'], ...each }),
        right: from('training', { columns: { step: 'mean(step_ms)' }, by: ['run'], ...each }),
        min: 0,
        spanS: 300,
      }),
      table({
        title: 'Tasks by run',
        description: 'What the device did for each run: all its tasks added up, training and evaluation.',
        width: 24,
        query: from('task', {
          columns: {
            tasks: 'count(seconds)',
            seconds: 'sum(seconds)',
            examples: 'sum(examples)',
            tokens: 'sum(tokens)',
            'tokens/s': 'mean(tokens_per_s)',
            joules: 'sum(joules)',
            watts: 'mean(watts)',
            'idle watts': 'mean(idle_watts)',
            η_e: 'mean(tokens_per_joule)',
            MFU: 'mean(mfu)',
          },
          by: ['run'],
        }),
      }),
    ],
    'The board itself': [
      lines({
        title: 'Power mode',
        description:
          'Number of the nvpmodel mode of a Jetson: on it depend clocks, and the peak that MFU is held to.',
        width: 8,
        query: from('utilization', { columns: { mode: 'last(power_mode)' }, ...each, fill: 'previous' }),
        decimals: 0,
      }),
      lines({
        title: 'Battery',
        description: 'Charge, of a device that has a battery. Dashed: 20 %.',
        width: 8,
        query: from('utilization', { columns: { charge: 'min(battery_percent)' }, ...each }),
        min: 0,
        max: 100,
        steps: ['red', [20, 'green']],
      }),
      lines({
        title: 'Cost of sampling',
        description:
          'Processor time that a sample of the sensors took. Dashed: 10 ms, 1 % of a core at one a second.',
        width: 8,
        query: from('utilization', { columns: { sampling: 'mean(sampling_ms)' }, ...each }),
        min: 0,
        steps: ['green', [10, 'yellow']],
      }),
    ],
  },
});
