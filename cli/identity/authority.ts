import { join, resolve } from 'node:path';
import { authorityFiles, initAuthority } from '../../identity/authority.js';
import { serveAuthority } from '../../identity/authority-server.js';
import { readRegister, serialsOf } from '../../identity/issued.js';
import { openAuthority } from '../../identity/open-authority.js';
import { fingerprintOf } from '../../identity/x509.js';
import { createLog } from '../../runtime/log.js';
import type { Service } from '../../runtime/service.js';
import { readSettings } from '../../runtime/settings.js';
import { Refusal } from '../../schemas/refusal.js';
import type { SettingsOf } from '../../schemas/settings.js';
import type { CommandTitle } from '../commands.js';
import { type Column, table } from '../tables.js';
import { onDisk } from './on-disk.js';
import { caInitSettings, caListSettings, type caServeSettings } from './settings.js';

/** `fleetune ca init`. */
export async function initCa(
  argv: readonly string[],
  { name: command, summary }: CommandTitle,
): Promise<void> {
  const { ca, name, years } = readSettings(caInitSettings, { argv, env: process.env, command, summary });
  const authority = await onDisk(initAuthority(ca, { name, years }, Date.now()));
  process.stdout.write(
    `authority "${name}" in ${ca}: keep ${join(ca, authorityFiles.key)} secret and backed up; ` +
      `brokers get ${join(ca, authorityFiles.public)}\nSHA-256 ${fingerprintOf(authority.certificate)}\n`,
  );
}

/** `fleetune ca serve`: enrolment and renewal. @throws Refusal where boards could not reach it by any name */
export async function startCa(settings: SettingsOf<typeof caServeSettings>): Promise<Service> {
  const { ca, host, port, hosts, days, broker, fleet } = settings;
  if (hosts.length === 0)
    throw new Refusal(
      'give --hosts: the names and addresses by which boards reach this machine, as server.example',
    );
  const log = createLog('authority', settings);
  const options = { host, port, hosts, days, fleet: { broker, fleet } };
  const server = await serveAuthority(await onDisk(openAuthority(resolve(ca))), options, log);
  log.info('listening', { host, port: server.port, hosts });
  process.send?.({ ready: { port: server.port } });
  return server;
}

interface Row {
  name: string;
  role: string;
  serial: string;
  until: string;
  state: 'valid' | 'expired' | 'revoked';
}

const columns: Column<Row>[] = [
  { title: 'name', cell: ({ name }) => name },
  { title: 'role', cell: ({ role }) => role },
  { title: 'until', cell: ({ until }) => until },
  { title: 'state', cell: ({ state }) => state },
  { title: 'serial', cell: ({ serial }) => serial },
];

/** `fleetune ca list`: every certificate that was made. */
export async function listCa(
  argv: readonly string[],
  { name: command, summary }: CommandTitle,
): Promise<void> {
  const { ca, json } = readSettings(caListSettings, { argv, env: process.env, command, summary });
  await onDisk(openAuthority(ca));
  const { issued, revoked } = readRegister(ca);
  const out = serialsOf(revoked);
  const rows = issued.map(({ name, role, serial, toMs }): Row => {
    const state = out.has(serial) ? 'revoked' : toMs < Date.now() ? 'expired' : 'valid';
    return { name, role, serial, until: new Date(toMs).toISOString(), state };
  });
  process.stdout.write(json ? `${JSON.stringify(rows, null, 2)}\n` : `${table(columns, rows)}\n`);
}
