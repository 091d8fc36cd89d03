/** A service as it is packed: the commands of `fleetune` that its folder carries, and the modules of each. */
export interface PackedService {
  about: string;
  /** Command → what `cli/commands.ts` loads when the command is called, from dist/. */
  commands: Readonly<Record<string, readonly string[]>>;
}

/** What every service has beside it: who asks whether it is well, and how it comes by a certificate. */
const everywhere = {
  health: ['cli/health.js'],
  enroll: ['cli/identity/enroll.js'],
  request: ['cli/identity/enroll.js'],
  renew: ['cli/identity/enroll.js'],
};

/** What an operator on the coordinator's machine needs. */
const operation = {
  'rounds start': ['cli/rounds.js'],
  'rounds stop': ['cli/rounds.js'],
  devices: ['cli/fleet-state.js'],
  status: ['cli/fleet-state.js'],
  watch: ['cli/watch.js'],
  report: ['cli/report/command.js'],
  backup: ['cli/backup.js'],
  restore: ['cli/backup.js'],
  'influx init': ['cli/influx.js'],
};

/** Who is who in the fleet. */
const authority = {
  'ca init': ['cli/identity/authority.js'],
  'ca serve': ['cli/identity/authority.js', 'cli/identity/settings.js'],
  'ca setup': ['cli/identity/setup.js'],
  'ca list': ['cli/identity/authority.js'],
  provision: ['cli/identity/members.js'],
  claim: ['cli/identity/members.js'],
  revoke: ['cli/identity/members.js'],
  password: ['cli/identity/password.js'],
};

export const services = {
  broker: { about: 'the MQTT broker', commands: { broker: ['broker/main.js'], ...everywhere } },
  coordinator: {
    about: 'the coordinator, with the commands of its operator and of the authority',
    commands: { coordinator: ['coordinator/main.js'], ...everywhere, ...operation, ...authority },
  },
  device: {
    about: 'the device service, with what a board needs beside it',
    commands: {
      device: ['device/main.js'],
      ...everywhere,
      doctor: ['cli/doctor.js'],
      'model pull': ['cli/model-pull.js'],
      'model check': ['cli/model-check.js'],
      summarize: ['cli/summarize.js'],
      bench: ['cli/bench.js'],
    },
  },
} satisfies Record<string, PackedService>;

export type ServiceName = keyof typeof services;

export const serviceNames = Object.keys(services) as ServiceName[];
