import { runService, type Service, withHealth } from '../runtime/service.js';
import { readSettings } from '../runtime/settings.js';
import { keepHeapSmall } from '../runtime/small-heap.js';
import type { healthSettings } from '../schemas/service-settings.js';
import type { SettingsOf, SettingTable } from '../schemas/settings.js';

/** What the user typed to get here, and what it is for: the head of --help and of every refusal. */
export interface CommandTitle {
  name: string;
  summary: string;
}

export interface Command {
  /** The word that it takes besides its flags; in brackets where it may be left out. */
  operand?: string;
  summary: string;
  run(argv: readonly string[], title: CommandTitle): Promise<void>;
}

/** Every command. Rooms are loaded when called: an idle device service must not carry the broker or the engine. */
export const commands: Record<string, Command> = {
  demo: {
    summary: 'a whole fleet on this machine fine-tunes a model: what npm start runs',
    run: async (argv, title) => (await import('./demo.js')).demo(argv, title),
  },
  broker: {
    summary: 'the MQTT broker',
    async run(argv, title) {
      const { brokerSettings, start } = await import('../broker/main.js');
      await serve(brokerSettings, start, argv, title);
    },
  },
  coordinator: {
    summary: 'the coordinator: opens rounds, adds up updates, keeps the runs',
    async run(argv, title) {
      const { coordinatorSettings, start } = await import('../coordinator/main.js');
      await serve(coordinatorSettings, start, argv, title);
    },
  },
  device: {
    summary: 'the device service: trains on the text of this machine',
    async run(argv, title) {
      keepHeapSmall();
      const { deviceSettings, start } = await import('../device/main.js');
      await serve(deviceSettings, start, argv, title);
    },
  },
  'ca init': {
    summary: 'makes the authority that the certificates of a fleet come from',
    run: async (argv, title) => (await import('./identity/authority.js')).initCa(argv, title),
  },
  'ca serve': {
    summary: 'the authority: enrols boards that have a claim, and renews certificates',
    async run(argv, title) {
      const { caServeSettings } = await import('./identity/settings.js');
      const { startCa } = await import('./identity/authority.js');
      await serve(caServeSettings, startCa, argv, title);
    },
  },
  'ca setup': {
    summary: 'an authority and bundles of a server’s services, as far as they are not there or have ended',
    run: async (argv, title) => (await import('./identity/setup.js')).setUpCa(argv, title),
  },
  'ca list': {
    summary: 'every certificate that the authority made',
    run: async (argv, title) => (await import('./identity/authority.js')).listCa(argv, title),
  },
  provision: {
    operand: 'NAME',
    summary:
      'makes a bundle for a device, coordinator, operator, viewer or broker: key, certificate, settings',
    run: async (argv, title) => (await import('./identity/members.js')).provisionMember(argv, title),
  },
  claim: {
    operand: 'NAME',
    summary: 'makes a one-time token with which a board enrols itself',
    run: async (argv, title) => (await import('./identity/members.js')).claimMember(argv, title),
  },
  enroll: {
    operand: '[TOKEN]',
    summary: 'on a board: makes its key and exchanges a claim for a certificate',
    run: async (argv, title) => (await import('./identity/enroll.js')).enrollBoard(argv, title),
  },
  request: {
    operand: 'NAME',
    summary: 'on a board: makes its key and prints a request for its certificate, to carry to the authority',
    run: async (argv, title) => (await import('./identity/enroll.js')).requestMember(argv, title),
  },
  renew: {
    summary: 'exchanges a certificate for a later one; services with --authority do it by themselves',
    run: async (argv, title) => (await import('./identity/enroll.js')).renewMember(argv, title),
  },
  revoke: {
    operand: 'NAME',
    summary: 'revokes the certificates of a name: brokers cut it within seconds',
    run: async (argv, title) => (await import('./identity/members.js')).revokeMember(argv, title),
  },
  password: {
    operand: 'NAME',
    summary: 'writes a line of a broker’s password file',
    run: async (argv, title) => (await import('./identity/password.js')).setPassword(argv, title),
  },
  'rounds start': {
    summary: 'triggers a run',
    run: async (argv, title) => (await import('./rounds.js')).startRounds(argv, title),
  },
  'rounds stop': {
    summary: 'stops the run',
    run: async (argv, title) => (await import('./rounds.js')).stopRounds(argv, title),
  },
  devices: {
    summary: 'the devices of the fleet',
    run: async (argv, title) => (await import('./fleet-state.js')).showDevices(argv, title),
  },
  status: {
    summary: 'the run and its rounds',
    run: async (argv, title) => (await import('./fleet-state.js')).showStatus(argv, title),
  },
  watch: {
    summary: 'the fleet and its run, live in this terminal',
    run: async (argv, title) => (await import('./watch.js')).watch(argv, title),
  },
  report: {
    operand: 'RUN',
    summary: 'a run that has ended as one HTML page: loss, devices, bytes, joules, time, settings, checksums',
    run: async (argv, title) => (await import('./report/command.js')).report(argv, title),
  },
  summarize: {
    operand: '[FILE]',
    summary: 'summarizes dialogues with a model and an adapter',
    run: async (argv, title) => (await import('./summarize.js')).summarize(argv, title),
  },
  bench: {
    summary: 'measures this board: batch size × sequence length × precision, as table, CSV, JSON and plot',
    run: async (argv, title) => (await import('./bench.js')).bench(argv, title),
  },
  health: {
    summary: 'asks a service on this machine whether it is well; exit code 1 where it is not',
    run: async (argv, title) => (await import('./health.js')).showHealth(argv, title),
  },
  doctor: {
    operand: '[SERVICE]',
    summary: 'looks at what a service, or this machine, needs, and says what to do about what is wrong',
    run: async (argv, title) => (await import('./doctor.js')).doctor(argv, title),
  },
  access: {
    summary: 'who may do what at which topic: a table, or the ACL file of Mosquitto or EMQX',
    run: async (argv, title) => (await import('./access.js')).showAccess(argv, title),
  },
  backup: {
    operand: 'FILE',
    summary: 'writes a coordinator’s runs into one file, also while it is at work',
    run: async (argv, title) => (await import('./backup.js')).backup(argv, title),
  },
  restore: {
    operand: 'FILE',
    summary: 'puts a backup into an empty runs folder; the open run goes on from there',
    run: async (argv, title) => (await import('./backup.js')).restoreBackup(argv, title),
  },
  'influx init': {
    summary: 'sets up an InfluxDB: database, retention, downsampling; done again it changes nothing',
    run: async (argv, title) => (await import('./influx.js')).initInflux(argv, title),
  },
  image: {
    operand: 'ID',
    summary: 'builds what a board is flashed with: package, overlay for a Jetson, cloud-init data',
    run: async (argv, title) => (await import('./image.js')).image(argv, title),
  },
  'model pull': {
    operand: 'MODEL',
    summary: 'fetches a T5 folder from the hub, an address or a folder; goes on where it was interrupted',
    run: async (argv, title) => (await import('./model-pull.js')).pullModel(argv, title),
  },
  'model check': {
    operand: 'FOLDER',
    summary: 'says what a model folder is, what is wrong with it, and what a step costs',
    run: async (argv, title) => (await import('./model-check.js')).checkModel(argv, title),
  },
  'model init': {
    operand: 'FOLDER',
    summary: 'writes a model folder of a configuration, with random weights',
    run: async (argv, title) => (await import('./model.js')).initModelFolder(argv, title),
  },
};

async function serve<T extends SettingTable & typeof healthSettings>(
  table: T,
  start: (settings: SettingsOf<T>) => Promise<Service>,
  argv: readonly string[],
  { name, summary }: CommandTitle,
): Promise<void> {
  await runService(async () => {
    const settings = readSettings(table, { argv, env: process.env, command: name, summary });
    return withHealth(String(settings.healthSocket), await start(settings));
  });
}
