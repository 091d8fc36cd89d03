/** Where things lie on a board. The package holds what all boards share; the rest is a board's own. */
export const places = {
  /** Node, the program and its packages. */
  program: '/usr/lib/fleetune',
  command: '/usr/bin/fleetune',
  units: '/usr/lib/systemd/system',
  sysusers: '/usr/lib/sysusers.d/fleetune.conf',
  documents: '/usr/share/doc/fleetune',
  /** Variables of the device service: what the image says of this board, and its operator after it. */
  settings: '/etc/fleetune/device.env',
  /** Where the model comes from, of a board that fetches it itself: variables of fleetune-model.service. */
  modelSource: '/etc/fleetune/model.env',
  modelSums: '/etc/fleetune/model.sha256',
  /** Home of the service's user; all below is that user's and nobody else's. */
  home: '/var/lib/fleetune',
  bundle: '/var/lib/fleetune/tls',
  claim: '/var/lib/fleetune/claim',
  model: '/var/lib/fleetune/model',
  data: '/var/lib/fleetune/data',
  state: '/var/lib/fleetune/state',
  /** What a flashed board is made of at its first boot; gone after it. */
  seed: '/var/lib/fleetune-seed',
  firstBootUnit: '/etc/systemd/system/fleetune-first-boot.service',
} as const;

export const user = 'fleetune';
