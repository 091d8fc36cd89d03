import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomic } from '../runtime/files.js';
import { Refusal } from '../schemas/refusal.js';
import { type Authority, authorityFiles } from './authority.js';
import { parseCertificate } from './bundle.js';
import { dropClaims, keptMs } from './claims.js';
import type { Revoked } from './crl.js';
import { exclusively } from './exclusive.js';
import { type Issued, type Register, readRegister, register, serialsOf } from './issued.js';
import { makeCrl } from './x509.js';

/**
 * Revokes every certificate of a name and drops its open claims: the name comes back only by a new one. Those that are
 * over count too: this clock may be ahead.
 * @returns their serial numbers
 * @throws Refusal where the name has neither
 */
export function revoke(authority: Authority, name: string, nowMs: number): Promise<string[]> {
  const { folder } = authority;
  return exclusively(folder, async () => {
    const dropped = await dropClaims(folder, name, nowMs);
    const serials = notRevoked(folder, name).map(({ serial }) => serial);
    if (serials.length === 0 && dropped === 0)
      throw new Refusal(
        `"${name}" has no certificate that counts and no claim: fleetune ca list shows who has`,
      );
    await register(folder, ...serials.map((serial) => ({ revoked: serial, atMs: nowMs })));
    await writeCrl(authority, nowMs);
    return serials;
  });
}

/** Certificates of a name that count: neither past their end nor revoked. */
export const countingOf = ({ folder }: Authority, name: string, nowMs: number): Issued[] =>
  notRevoked(folder, name).filter(({ toMs }) => toMs > nowMs);

function notRevoked(folder: string, name: string): Issued[] {
  const { issued, revoked } = readRegister(folder);
  const out = serialsOf(revoked);
  return issued.filter((entry) => entry.name === name && !out.has(entry.serial));
}

/**
 * Who of a register is on the list: each that was revoked, once, until a year after its certificate's end, as this clock
 * may be ahead. A line that left too early comes back when the authority is opened.
 */
export function listed({ issued, revoked }: Register, nowMs: number): Revoked[] {
  const over = new Set(issued.filter(({ toMs }) => toMs + keptMs <= nowMs).map(({ serial }) => serial));
  const bySerial = new Map(revoked.map((entry) => [entry.serial, entry]));
  return [...bySerial.values()].filter(({ serial }) => !over.has(serial));
}

/** Writes the list of revoked certificates. Call it within `exclusively`. */
export async function writeCrl(authority: Authority, nowMs: number): Promise<void> {
  const { folder, certificate } = authority;
  const path = join(folder, authorityFiles.crl);
  // OpenSSL lets nobody in where nextUpdate has passed. What is new comes by the file, not by this date.
  const toMs = Date.parse(parseCertificate(certificate, authorityFiles.certificate).validTo);
  const list = makeCrl(listed(readRegister(folder), nowMs), authority, { fromMs: nowMs, toMs });
  await writeAtomic(path, list, existsSync(path) ? undefined : 0o644); // Brokers are other users.
}
