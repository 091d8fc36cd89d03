import { resolve } from 'node:path';
import { type Authority, authorityFiles, endOf } from '../../identity/authority.js';
import { textOf } from '../../identity/bundle.js';
import { writeToken } from '../../identity/claim-token.js';
import { makeClaim } from '../../identity/claims.js';
import { openAuthority } from '../../identity/open-authority.js';
import { provision } from '../../identity/provision.js';
import { countingOf, revoke } from '../../identity/revocation.js';
import { fingerprintOf } from '../../identity/x509.js';
import { writeAtomic } from '../../runtime/files.js';
import { Refusal } from '../../schemas/refusal.js';
import type { CertificateRole } from '../../schemas/roles.js';
import type { CommandTitle } from '../commands.js';
import { counted } from '../tables.js';
import { commandOf } from './command-of.js';
import { onDisk } from './on-disk.js';
import { claimSettings, provisionSettings, readNamed, revokeSettings } from './settings.js';

/** `fleetune provision NAME`: a bundle, key included. */
export async function provisionMember(argv: readonly string[], title: CommandTitle): Promise<void> {
  const { settings, name } = readNamed(provisionSettings, argv, title);
  const { ca, role, hosts, days, broker, fleet, authority, at } = settings;
  requireHosts(role, hosts);
  requireHttps(authority, false);
  const out = settings.out || name;
  const maker = await onDisk(openAuthority(ca));
  tellOthers(maker, name);
  const subject = { name, role: role as CertificateRole, hosts };
  // A broker elsewhere asks the authority for it.
  const crl = role === 'broker' && at === '' ? { crl: resolve(ca, authorityFiles.crl) } : {};
  const reach = { tls: at, authority, broker, fleet, ...crl };
  const request = settings.request === '' ? undefined : textOf(settings.request);
  if (settings.request !== '' && request === undefined)
    throw new Refusal(
      `${settings.request} (--request) is missing: \`fleetune request\` makes it on the board`,
    );
  await onDisk(provision(maker, subject, out, reach, { days, nowMs: Date.now() }, request));
  process.stdout.write(
    `${out}: the bundle of ${role} ${name}; ` +
      (request
        ? 'copy it into the folder of its key\n'
        : 'carry it there by a safe way and delete it here\n') +
      `fleetune ${commandOf[role as CertificateRole]} --config ${at || resolve(out)}/${role}.yaml\n`,
  );
}

/** `fleetune claim NAME`: a token with which a board enrols. */
export async function claimMember(argv: readonly string[], title: CommandTitle): Promise<void> {
  const { settings, name } = readNamed(claimSettings, argv, title);
  const { ca, role, hosts, authority: url, hours, out } = settings;
  requireHosts(role, hosts);
  requireHttps(url, true);
  const authority = await onDisk(openAuthority(ca));
  endOf(authority, Date.now()); // Its claims would be refused later, on the board.
  tellOthers(authority, name);
  const toMs = Date.now() + hours * 3_600_000;
  const claim = { name, role: role as CertificateRole, hosts: [...hosts], toMs };
  const secret = await onDisk(makeClaim(authority, claim));
  const token = writeToken({ url, name, fingerprint: fingerprintOf(authority.certificate), secret });
  const until = new Date(toMs).toISOString();
  if (out === '') {
    process.stderr.write(`claim of ${role} ${name}, once, until ${until}: fleetune enroll TOKEN\n`);
    process.stdout.write(`${token}\n`);
    return;
  }
  await onDisk(writeAtomic(out, `${token}\n`, 0o600));
  process.stdout.write(
    `${out}: claim of ${role} ${name}, once, until ${until}: fleetune enroll --claim FILE\n`,
  );
}

/** `fleetune revoke NAME`. */
export async function revokeMember(argv: readonly string[], title: CommandTitle): Promise<void> {
  const { settings, name } = readNamed(revokeSettings, argv, title);
  const authority = await onDisk(openAuthority(settings.ca));
  const serials = await onDisk(revoke(authority, name, Date.now()));
  process.stdout.write(
    `${name}: ${counted(serials.length, 'certificate')} revoked, open claims dropped; ` +
      'brokers that watch the list cut it within seconds\n',
  );
}

/** A board that was lost is to be revoked before the name is given again: revoking takes the new one too. */
function tellOthers(authority: Authority, name: string): void {
  const others = countingOf(authority, name, Date.now()).length;
  if (others > 0)
    process.stderr.write(
      `${name} has ${counted(others, 'certificate')} already; \`fleetune revoke ${name}\` first takes them back\n`,
    );
}

function requireHosts(role: string, hosts: readonly string[]): void {
  if (role === 'broker' && hosts.length === 0)
    throw new Refusal(
      'give --hosts: the names and addresses by which others reach the broker, as server.example',
    );
}

function requireHttps(url: string, needed: boolean): void {
  const fits = URL.canParse(url) && new URL(url).protocol === 'https:';
  if (!fits && (needed || url !== ''))
    throw new Refusal(
      `--authority ${url || 'is missing'}: expected an address as https://server.example:8884`,
    );
}
