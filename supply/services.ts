/** A service as it is packed: the commands of `fleetune` that its folder carries, and the module of each. */
export interface PackedService {
  about: string;
  /** Command → its module, from dist/. `cli/commands.ts` loads it when the command is called. */
  commands: Readonly<Record<string, string>>;
}

/** Who asks a service whether it is well. */
const health = { health: 'cli/health.js' };

/** What an operator on the coordinator's machine needs. */
const operation = {
  'rounds start': 'cli/rounds.js',
  'rounds stop': 'cli/rounds.js',
  devices: 'cli/fleet-state.js',
  status: 'cli/fleet-state.js',
  watch: 'cli/watch.js',
};

export const services = {
  broker: { about: 'the MQTT broker', commands: { broker: 'broker/main.js', ...health } },
  coordinator: {
    about: 'the coordinator, with the commands of its operator',
    commands: {
      coordinator: 'coordinator/main.js',
      ...health,
      ...operation,
      report: 'cli/report/command.js',
      'influx init': 'cli/influx.js',
    },
  },
  device: {
    about: 'the device service, with what a board needs beside it',
    commands: {
      device: 'device/main.js',
      ...health,
      enroll: 'cli/identity/enroll.js',
      'model pull': 'cli/model-pull.js',
      'model check': 'cli/model-check.js',
      summarize: 'cli/summarize.js',
      bench: 'cli/bench.js',
    },
  },
} satisfies Record<string, PackedService>;

export type ServiceName = keyof typeof services;

export const serviceNames = Object.keys(services) as ServiceName[];
