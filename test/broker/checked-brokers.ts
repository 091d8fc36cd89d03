import { rights } from '../../broker/access.js';
import type { CheckedBroker } from './access-check.js';

/** Our own broker where nothing is proven: a user name is a role, a client id the device's. */
export const ownBroker = (url: string): CheckedBroker => ({
  name: 'fleetune broker',
  url,
  login: (role, id) => ({ username: role, clientId: id }),
  witness: { username: 'operator', clientId: 'witness' },
  lateWitness: { username: 'operator', clientId: 'late-witness' },
  tells: rights,
  hearsAll: 'operator',
});
