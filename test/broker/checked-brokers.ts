import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rights } from '../../broker/access.js';
import { bundleFiles } from '../../identity/bundle.js';
import { type CertificateRole, roles } from '../../schemas/roles.js';
import type { makeTestAuthority } from '../identity/authority-rig.js';
import type { CheckedBroker } from './access-check.js';
import { type Ends, startRig } from './rig.js';
import type { Login } from './talker.js';
import { startSecure } from './tls-rig.js';

const devices = ['board-1', 'board-2'];

/** Our own broker where nothing is proven: a user name is a role, a client id the device's. */
export async function openBroker(t: Ends): Promise<CheckedBroker> {
  const { url } = await startRig(t);
  return {
    name: 'fleetune broker, nothing proven',
    url,
    login: (role, id) => ({ username: role, clientId: id }),
    witnesses: [
      { username: 'operator', clientId: 'witness' },
      { username: 'operator', clientId: 'late-witness' },
    ],
    tells: rights,
    hearsAll: 'operator',
  };
}

/** Our own broker with TLS: everybody is who their certificate says. */
export async function securedBroker(t: Ends): Promise<CheckedBroker> {
  const { url, bundle } = await startSecure(t);
  return { name: 'fleetune broker, certificates', url, login: await certified(bundle), tells: rights };
}

type Bundle = Awaited<ReturnType<typeof makeTestAuthority>>['bundle'];

/** Logins with a certificate each; the user name says nothing. */
export async function certified(bundle: Bundle, witnesses: readonly string[] = []) {
  const holders: [CertificateRole, string][] = [
    ...devices.map((id): [CertificateRole, string] => ['device', id]),
    ...roles.filter((role) => role !== 'device').map((role): [CertificateRole, string] => [role, role]),
    ...witnesses.map((name): [CertificateRole, string] => ['viewer', name]),
  ];
  const logins = new Map<string, Login>();
  for (const [role, id] of holders) {
    const folder = await bundle(role, id);
    const read = (file: string) => readFile(join(folder, file), 'utf8');
    const [cert, key, ca] = await Promise.all(
      [bundleFiles.certificate, bundleFiles.key, bundleFiles.authority].map(read),
    );
    logins.set(id, { username: 'nobody', clientId: id, tls: { cert: cert!, key: key!, ca: ca! } });
  }
  return (_role: string, id: string): Login => logins.get(id)!;
}
