import { dashboard } from './dashboard.js';
import { scoped } from './influxql.js';
import { bars, byRound, lines, stat, table } from './panels.js';

const from = scoped(['fleet', 'run', 'device']);
/** The run's own time, not the dashboard's range: it is chosen by its name. */
const always = { anyTime: true } as const;
const training = { kind: 'train' } as const;

/** One run: what it learned, who took part, what it moved and what it cost. */
export const run = dashboard({
  uid: 'fleetune-run',
  title: 'Run',
  description:
    'Rounds of one run: loss, participants, bytes, joules and time. The range is for the steps only.',
  from: 'now-6h',
  variables: ['fleet', 'run', 'devices'],
  rows: {
    Result: [
      stat({
        title: 'Rounds closed',
        description: 'Rounds whose updates went into the adapter.',
        width: 4,
        query: from('round', { columns: { closed: 'sum(closed)' }, ...always }),
        steps: ['yellow', [1, 'green']],
      }),
      stat({
        title: 'Rounds failed',
        description: 'Rounds without a quorum of updates. Yellow from 1, red from 3.',
        width: 4,
        query: from('round', { columns: { failed: ['count(closed)', '-', 'sum(closed)'] }, ...always }),
        steps: ['green', [1, 'yellow'], [3, 'red']],
      }),
      stat({
        title: 'Held-out loss',
        description: 'Of the newest adapter that was evaluated, per label token.',
        width: 4,
        query: from('round', { columns: { loss: 'last(eval_loss)' }, ...always }),
        decimals: 3,
      }),
      stat({
        title: 'Held-out ROUGE-L',
        description: 'Of the newest adapter that was evaluated, 0 to 100, on held-out text.',
        width: 4,
        query: from('round', { columns: { rouge: 'last(rouge_l)' }, ...always }),
        decimals: 1,
      }),
      stat({
        title: 'Tokens trained on',
        description: 'Source and target tokens of all rounds, padding not counted.',
        width: 4,
        query: from('round', { columns: { tokens: 'sum(tokens)' }, ...always }),
      }),
      stat({
        title: 'Energy',
        description: 'Joules of computation of all rounds, of the devices that measure or estimate them.',
        width: 4,
        query: from('round', { columns: { joules: 'sum(joules)' }, ...always }),
      }),
    ],
    Learning: [
      byRound({
        title: 'Loss',
        description: 'Per label token: in training, the mean of the devices, and on held-out text.',
        width: 12,
        query: from('round', {
          columns: { round: 'round', training: 'loss', 'held out': 'eval_loss' },
          ...always,
        }),
        decimals: 3,
      }),
      byRound({
        title: 'ROUGE-L',
        description: 'On held-out text, 0 to 100.',
        width: 12,
        query: from('round', { columns: { round: 'round', 'ROUGE-L': 'rouge_l' }, ...always }),
        decimals: 1,
        min: 0,
      }),
      lines({
        title: 'Loss of the steps',
        description: 'As they happen, by device, per label token. In the dashboard’s range.',
        width: 24,
        query: from('training', { columns: { loss: 'mean(loss)' }, by: ['device'], perInterval: true }),
        decimals: 3,
        spanS: 300,
      }),
    ],
    'Who took part': [
      byRound({
        title: 'Participants and stragglers',
        description:
          'Devices invited: those whose update counts and, upon them, those whose update does not.',
        width: 12,
        query: from('round', {
          columns: { round: 'round', participants: 'participants', stragglers: 'stragglers' },
          ...always,
        }),
        decimals: 0,
        min: 0,
        bars: 'stacked',
      }),
      byRound({
        title: 'Invited',
        description: 'Devices that were given the task of the round.',
        width: 12,
        query: from('round', { columns: { round: 'round', invited: 'invited' }, ...always }),
        decimals: 0,
        min: 0,
        bars: 'side',
      }),
      table({
        title: 'Devices of the run',
        description: 'What each device contributed in its training tasks, all rounds together.',
        width: 16,
        query: from('task', {
          columns: {
            tasks: 'count(seconds)',
            examples: 'sum(examples)',
            steps: 'sum(steps)',
            tokens: 'sum(tokens)',
            seconds: 'sum(seconds)',
            loss: 'last(loss)',
            'tokens/s': 'mean(tokens_per_s)',
          },
          where: training,
          by: ['device'],
          ...always,
        }),
      }),
      bars({
        title: 'Tokens by device',
        description: 'Tokens that each device trained on: who carried the run.',
        width: 8,
        query: from('task', {
          columns: { tokens: 'sum(tokens)' },
          where: training,
          by: ['device'],
          ...always,
        }),
        min: 0,
      }),
    ],
    'Time and bytes': [
      byRound({
        title: 'Time by phase',
        description:
          'From the tasks’ announcement to the last update, adding up, evaluation; one upon the other.',
        width: 8,
        query: from('round', {
          columns: {
            round: 'round',
            training: 'train_s',
            aggregation: 'aggregate_s',
            evaluation: 'evaluate_s',
          },
          ...always,
        }),
        min: 0,
        bars: 'stacked',
      }),
      byRound({
        title: 'Time of a round',
        description: 'From its opening to its record, waiting included.',
        width: 8,
        query: from('round', { columns: { round: 'round', seconds: 'seconds' }, ...always }),
        min: 0,
      }),
      byRound({
        title: 'Payload',
        description: 'Bytes of adapters and updates that the devices sent and received.',
        width: 8,
        query: from('round', { columns: { round: 'round', up: 'bytes_up', down: 'bytes_down' }, ...always }),
        min: 0,
        bars: 'side',
      }),
      byRound({
        title: 'Granularity',
        description:
          'T_comp / T_comm, mean of the devices. Below 1 (dashed) a device waits longer for the link than it computes.',
        width: 8,
        query: from('round', { columns: { round: 'round', granularity: 'granularity' }, ...always }),
        min: 0,
        steps: ['red', [1, 'green']],
      }),
      bars({
        title: 'Transfer by device',
        description: 'Seconds that each device’s adapters and updates took, all rounds together.',
        width: 8,
        query: from('network', {
          columns: { up: 'sum(up_s)', down: 'sum(down_s)' },
          by: ['device'],
          ...always,
        }),
        min: 0,
        stacked: true,
      }),
      bars({
        title: 'Payload by device',
        description: 'Bytes that each device sent and received, all rounds together.',
        width: 8,
        query: from('network', {
          columns: { up: 'sum(bytes_up)', down: 'sum(bytes_down)' },
          by: ['device'],
          ...always,
        }),
        min: 0,
        stacked: true,
      }),
    ],
    Energy: [
      byRound({
        title: 'Joules',
        description:
          'Of computation, by sensors or estimate, and of the network, by the profiles of the links.',
        width: 12,
        query: from('round', {
          columns: { round: 'round', computation: 'joules', network: 'network_joules' },
          ...always,
        }),
        min: 0,
        bars: 'stacked',
      }),
      byRound({
        title: 'η_e',
        description: 'Tokens of the round by joules of computation.',
        width: 12,
        query: from('round', { columns: { round: 'round', η_e: 'tokens_per_joule' }, ...always }),
        decimals: 1,
        min: 0,
      }),
    ],
  },
});
