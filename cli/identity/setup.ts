import { join, resolve } from 'node:path';
import { type Authority, authorityFiles, holdsAuthority, initAuthority } from '../../identity/authority.js';
import { openAuthority } from '../../identity/open-authority.js';
import { type Held, heldIn, provision } from '../../identity/provision.js';
import { readSettings } from '../../runtime/settings.js';
import { Refusal } from '../../schemas/refusal.js';
import { type CertificateRole, certificateRoles } from '../../schemas/roles.js';
import { namePattern } from '../../schemas/topics.js';
import type { CommandTitle } from '../commands.js';
import { onDisk } from './on-disk.js';
import { caSetupSettings } from './settings.js';

export interface Member {
  role: CertificateRole;
  name: string;
}

/**
 * `fleetune ca setup`: the authority and a bundle for each member, as far as they are not there or have ended. So a
 * server may run it at every start; what counts is kept, and renewed by its own service.
 */
export async function setUpCa(argv: readonly string[], title: CommandTitle): Promise<void> {
  const sources = { argv, env: process.env, command: title.name, summary: title.summary };
  const {
    ca,
    years,
    members,
    hosts,
    days,
    broker,
    fleet,
    authority: url,
    out,
    at,
  } = readSettings(caSetupSettings, sources);
  const wanted = members.map(readMember);
  if (hosts.length === 0 && wanted.some(({ role }) => role === 'broker'))
    throw new Refusal('give --hosts: the names and addresses by which others reach the broker');
  const authority = await onDisk(authorityIn(ca, years));
  for (const { role, name } of wanted) {
    const folder = join(out, name);
    const subject = { name, role, hosts: role === 'broker' ? hosts : [] };
    const crl = role === 'broker' ? { crl: resolve(ca, authorityFiles.crl) } : {};
    const reach = { tls: at, authority: url, broker, fleet, ...crl };
    const times = { days, nowMs: Date.now() };
    const held = heldIn(folder, subject, authority, times.nowMs);
    if (made[held]) await onDisk(provision(authority, subject, folder, reach, times));
    const what = made[held] ?? left[held];
    process.stdout.write(`${folder}: the bundle of ${role} ${name} ${what}\n`);
  }
}

/** Nobody else may renew them: an operator's, or a service's that was off. */
const made: Partial<Record<Held, string>> = {
  nothing: 'made',
  due: 'made anew, as its certificate ends soon',
  ended: 'made anew, as its certificate had ended',
  'not valid yet': 'made anew, as its certificate was not valid yet',
};

const left: Partial<Record<Held, string>> = {
  valid: 'is there',
  revoked: 'is left alone, as it is revoked: empty its folder, and the next time it is made anew',
  another: 'is not there, but another’s certificate: empty its folder, and the next time it is made',
};

async function authorityIn(ca: string, years: number): Promise<Authority> {
  if (holdsAuthority(ca)) return openAuthority(ca);
  return initAuthority(ca, { name: 'Fleetune authority', years }, Date.now());
}

/** device:barn. @throws Refusal for anything else */
export function readMember(text: string): Member {
  const [role = '', name = '', ...rest] = text.split(':');
  const known = certificateRoles.find((one) => one === role);
  if (known && namePattern.test(name) && rest.length === 0) return { role: known, name };
  throw new Refusal(
    `--members: "${text}": expected a role (${certificateRoles.join(', ')}), a colon and a name, as device:barn`,
  );
}
