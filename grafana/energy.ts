import { dashboard } from './dashboard.js';
import { over, scoped } from './influxql.js';
import { bars, byRound, lines, scatter, stat } from './panels.js';

const from = scoped(['fleet', 'run', 'device']);
const always = { anyTime: true } as const;

/** What a run's tokens cost: computation and network, by round and by device. */
export const energy = dashboard({
  uid: 'fleetune-energy',
  title: 'Energy',
  description: 'Joules of one run by round and device, computation beside network, η_e beside MFU.',
  from: 'now-6h',
  variables: ['fleet', 'run', 'devices'],
  rows: {
    'The run': [
      stat({
        title: 'Computation',
        description: 'Joules of all rounds, of devices with a sensor or an estimate.',
        width: 4,
        query: from('round', { columns: { joules: 'sum(joules)' }, ...always }),
      }),
      stat({
        title: 'Network',
        description: 'Joules of all rounds, payload times the energy per bit of each link’s profile.',
        width: 4,
        query: from('round', { columns: { joules: 'sum(network_joules)' }, ...always }),
      }),
      stat({
        title: 'Network by computation',
        description:
          'Joules of the network by joules of computation. Yellow from a half, red from twice as much.',
        width: 4,
        query: from('round', { columns: { share: ['sum(network_joules)', '/', 'sum(joules)'] }, ...always }),
        steps: ['green', [0.5, 'yellow'], [2, 'red']],
      }),
      stat({
        title: 'Joules per token',
        description: 'Joules of training by tokens, on devices that measure joules, mean of the rounds.',
        width: 4,
        query: from('round', { columns: { 'J per token': 'mean(joules_per_token)' }, ...always }),
        decimals: 4,
      }),
      stat({
        title: 'η_e',
        description: 'Tokens per joule of computation, mean of the rounds.',
        width: 4,
        query: from('round', { columns: { η_e: 'mean(tokens_per_joule)' }, ...always }),
        decimals: 1,
      }),
      stat({
        title: 'Power now',
        description: 'Rail “total” of the devices, added up, newest in the range.',
        width: 4,
        query: over(
          from('power', { columns: { watts: 'last(watts)' }, where: { rail: 'total' }, by: ['device'] }),
          'sum',
        ),
        decimals: 1,
      }),
    ],
    'By round': [
      byRound({
        title: 'Joules of a round',
        description: 'Computation and, upon it, network.',
        width: 8,
        query: from('round', {
          columns: { round: 'round', computation: 'joules', network: 'network_joules' },
          ...always,
        }),
        min: 0,
        bars: 'stacked',
      }),
      byRound({
        title: 'Joules per megabyte',
        description:
          'Joules of computation by megabyte of payload: what the bytes that were sent had cost to make.',
        width: 8,
        query: from('round', { columns: { round: 'round', 'J/MB': 'joules_per_mb' }, ...always }),
        min: 0,
      }),
      byRound({
        title: 'η_e of a round',
        description: 'Tokens by joules of computation.',
        width: 8,
        query: from('round', { columns: { round: 'round', η_e: 'tokens_per_joule' }, ...always }),
        min: 0,
      }),
    ],
    'By device': [
      bars({
        title: 'Joules of a device',
        description:
          'Joules of its tasks. Beside them what it would have used idle in the same time: nothing is subtracted.',
        width: 8,
        query: over(
          from('task', {
            columns: { joules: 'joules', idle: ['idle_watts', '*', 'seconds'] },
            by: ['device'],
            ...always,
          }),
          'sum',
          { by: ['device'] },
        ),
        unit: 'joule',
        min: 0,
      }),
      bars({
        title: 'Network joules of a device',
        description: 'Of its adapters and updates, by the profile of its link.',
        width: 8,
        query: from('network', { columns: { network: 'sum(network_joules)' }, by: ['device'], ...always }),
        min: 0,
      }),
      bars({
        title: 'Watts at work and idle',
        description: 'Mean of the tasks, and before them.',
        width: 8,
        query: from('task', {
          columns: { 'at work': 'mean(watts)', idle: 'mean(idle_watts)' },
          by: ['device'],
          ...always,
        }),
        min: 0,
      }),
      bars({
        title: 'Granularity of a device',
        description: 'T_comp / T_comm of its tasks. Below 1 it waits longer for the link than it computes.',
        width: 8,
        query: from('network', { columns: { granularity: 'mean(granularity)' }, by: ['device'], ...always }),
        min: 0,
        steps: ['red', [1, 'green']],
      }),
      bars({
        title: 'η_e of a device',
        description: 'Tokens per second and watt, mean of its tasks.',
        width: 8,
        query: from('task', { columns: { η_e: 'mean(tokens_per_joule)' }, by: ['device'], ...always }),
        min: 0,
      }),
      scatter({
        title: 'η_e against MFU',
        description:
          'A point for each training task. On one kind of device the two go together, so that η_e, which needs no ' +
          'peak, can stand for MFU (arXiv 2310.03150).',
        width: 8,
        query: from('task', {
          columns: { MFU: 'mfu', η_e: 'tokens_per_joule' },
          where: { kind: 'train' },
          ...always,
        }),
        min: 0,
      }),
    ],
    'As it happens': [
      lines({
        title: 'η_e of the steps',
        description: 'Tokens per second and watt by device. In the dashboard’s range.',
        width: 8,
        query: from('training', {
          columns: { η_e: 'mean(tokens_per_joule)' },
          by: ['device'],
          perInterval: true,
        }),
        min: 0,
        spanS: 300,
      }),
      lines({
        title: 'MFU of the steps',
        description: 'By device. In the dashboard’s range.',
        width: 8,
        query: from('training', { columns: { MFU: 'mean(mfu)' }, by: ['device'], perInterval: true }),
        min: 0,
        spanS: 300,
      }),
      lines({
        title: 'Watts of the steps',
        description: 'Mean power of each step by device. In the dashboard’s range.',
        width: 8,
        query: from('training', { columns: { watts: 'mean(watts)' }, by: ['device'], perInterval: true }),
        min: 0,
        spanS: 300,
      }),
    ],
  },
});
