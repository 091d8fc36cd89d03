import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Authority, authorityFiles, holdsAuthority, initAuthority } from '../../identity/authority.js';
import { bundleFiles } from '../../identity/bundle.js';
import { openAuthority } from '../../identity/open-authority.js';
import { provision } from '../../identity/provision.js';
import { readSettings } from '../../runtime/settings.js';
import { Refusal } from '../../schemas/refusal.js';
import { type CertificateRole, certificateRoles } from '../../schemas/roles.js';
import { namePattern } from '../../schemas/topics.js';
import type { CommandTitle } from '../commands.js';
import { caSetupSettings } from './settings.js';

export interface Member {
  role: CertificateRole;
  name: string;
}

/**
 * `fleetune ca setup`: the authority and a bundle for each member, as far as they are not there. So a server may run it at
 * every start; what is there is kept, and renewed by its own service.
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
  const authority = await authorityIn(ca, years);
  for (const { role, name } of wanted) {
    const folder = join(out, name);
    const isThere = existsSync(join(folder, bundleFiles.certificate));
    const subject = { name, role, hosts: role === 'broker' ? hosts : [] };
    const crl = role === 'broker' ? { crl: resolve(ca, authorityFiles.crl) } : {};
    const reach = { tls: at, authority: url, broker, fleet, ...crl };
    if (!isThere) await provision(authority, subject, folder, reach, { days, nowMs: Date.now() });
    process.stdout.write(`${folder}: the bundle of ${role} ${name} ${isThere ? 'is there' : 'made'}\n`);
  }
}

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
