import type { Point } from './messages.js';

/** What is measured, as InfluxDB keeps it: every tag and every field with its unit. Nothing else is written. */
export interface Measurement {
  help: string;
  /** The point's writer. `fleet` is set by the one that writes to InfluxDB. */
  tags: readonly string[];
  /** field → what it is, unit first where there is one. */
  fields: Readonly<Record<string, string>>;
}

export const measurements = {
  device: {
    help: 'a device’s standing, as it says itself, and as the coordinator hears that it is gone',
    tags: ['fleet', 'device', 'version'],
    fields: {
      up: '1: in the fleet, 0: gone',
      ready: '1: can take a task',
      uptime_s: 's since the service began',
      train_examples: 'of its shard',
      busy: '1: at a task',
      waiting_updates: 'updates made and not handed in',
    },
  },
  power: {
    help: 'watts of a rail; rail "total" is the board or the package',
    tags: ['fleet', 'device', 'rail', 'source'],
    fields: { watts: 'W' },
  },
  temperature: {
    help: 'of a thermal zone',
    tags: ['fleet', 'device', 'zone'],
    fields: { celsius: '°C' },
  },
  utilization: {
    help: 'how much of the board is in use',
    tags: ['fleet', 'device'],
    fields: {
      cpu_percent: '% of all cores',
      cpu_mhz: 'MHz, mean of the cores',
      gpu_percent: '%',
      gpu_mhz: 'MHz',
      emc_percent: '% of the memory’s bandwidth',
      emc_mhz: 'MHz',
      memory_used_bytes: 'B',
      memory_total_bytes: 'B',
      service_rss_bytes: 'B, the device service',
      trainer_rss_bytes: 'B, the trainer',
      disk_free_bytes: 'B, where the state is',
      disk_read_bytes_per_s: 'B/s',
      disk_write_bytes_per_s: 'B/s',
      net_rx_bytes_per_s: 'B/s, of links, not of bridges and tunnels over them',
      net_tx_bytes_per_s: 'B/s',
      battery_percent: '%',
      power_mode: 'number of the nvpmodel mode',
      temperature_c: '°C, the hottest zone',
      sensors_failing: 'sensors that were there at the start and answer no more, or nonsense',
      sampling_ms: 'ms of processor time that the sample took',
    },
  },
  training: {
    help: 'one step; source tells who told the watts, where anybody did',
    tags: ['fleet', 'device', 'run', 'source'],
    fields: {
      round: '',
      step: '',
      steps: 'of the task',
      loss: 'per label token',
      tokens_per_s: 'tokens/s, source and target, padding not counted',
      step_ms: 'ms',
      mfu: '0..1, the formula’s FLOPs per second by the processor’s peak',
      watts: 'W, mean of the step',
      tokens_per_joule: 'tokens/s/W',
    },
  },
  task: {
    help: 'one task done: what it computed, and for what energy, by what source',
    tags: ['fleet', 'device', 'run', 'kind', 'source'],
    fields: {
      round: '',
      examples: '',
      steps: '',
      tokens: '',
      loss: 'per label token',
      rouge_l: '0..100',
      seconds: 's of computation (T_comp)',
      tokens_per_s: 'tokens/s',
      mfu: '0..1',
      joules: 'J of computation',
      watts: 'W, mean of the computation',
      idle_watts: 'W, before the task; nothing of it is subtracted',
      tokens_per_joule: 'tokens/s/W',
    },
  },
  network: {
    help: 'what a task’s adapter and update took to move',
    tags: ['fleet', 'device', 'run', 'kind'],
    fields: {
      round: '',
      bytes_up: 'B of payload',
      bytes_down: 'B of payload',
      up_s: 's',
      down_s: 's',
      granularity: 'T_comp / T_comm',
      network_joules: 'J, by the profile of the link',
    },
  },
  round: {
    help: 'one round, by the coordinator',
    tags: ['fleet', 'run'],
    fields: {
      round: '',
      closed: '1: closed, 0: failed',
      invited: 'devices',
      participants: 'devices whose update counts',
      stragglers: 'devices invited whose update does not count',
      loss: 'in training, per label token',
      eval_loss: 'held out, per label token',
      rouge_l: '0..100, held out',
      bytes_up: 'B of payload',
      bytes_down: 'B of payload',
      seconds: 's',
      train_s: 's from the tasks’ announcement to the last update',
      aggregate_s: 's',
      evaluate_s: 's',
      compute_s: 's of computation (T_comp), mean of the devices',
      transfer_s: 's of communication (T_comm), mean of the devices',
      tokens: 'trained on',
      joules: 'J of computation, devices with a sensor',
      estimated_joules: 'J of them by a model, not a sensor',
      idle_joules: 'J that they would have used idle in that time',
      network_joules: 'J, by the profiles of the links',
      tokens_per_joule: 'tokens/s/W, of training on devices with a sensor',
      joules_per_token: 'J, likewise',
      joules_per_mb: 'J/MB, of computation by payload',
      granularity: 'T_comp / T_comm, mean of the devices',
      mfu: '0..1, of training',
    },
  },
  telemetry: {
    help: 'the way of the points themselves, of a device or of the coordinator (device "coordinator")',
    tags: ['fleet', 'device'],
    fields: {
      spool_bytes: 'B on disk, not yet taken',
      spool_limit_bytes: 'B',
      oldest_s: 's, age of the oldest point not yet taken',
      delivered: 'points since the start',
      dropped: 'points lost or refused since the start',
    },
  },
} as const satisfies Record<string, Measurement>;

export type MeasurementName = keyof typeof measurements;
export type FieldOf<M extends MeasurementName> = keyof (typeof measurements)[M]['fields'] & string;
export type TagOf<M extends MeasurementName> = (typeof measurements)[M]['tags'][number];

/** A point of the table; fields that nobody measured (undefined, not finite) are left out. @param timeMs since 1970 */
export function pointOf<M extends MeasurementName>(
  measurement: M,
  tags: { readonly [T in TagOf<M>]?: string },
  fields: { readonly [F in FieldOf<M>]?: number | null | undefined },
  timeMs: number,
): Point {
  return {
    measurement,
    tags: { ...(tags as Record<string, string>) },
    fields: Object.fromEntries(
      Object.entries<number | null | undefined>(fields).filter(
        (entry): entry is [string, number] => typeof entry[1] === 'number' && Number.isFinite(entry[1]),
      ),
    ),
    timeMs,
  };
}
