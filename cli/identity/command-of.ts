import type { CertificateRole } from '../../schemas/roles.js';

/** What a bundle's holder runs with it, as `fleetune watch --config …`. */
export const commandOf: Readonly<Record<CertificateRole, string>> = {
  device: 'device',
  coordinator: 'coordinator',
  operator: 'rounds start',
  viewer: 'watch',
  broker: 'broker',
};
