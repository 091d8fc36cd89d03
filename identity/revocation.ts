import { join } from 'node:path';
import { writeAtomic } from '../runtime/files.js';
import { Refusal } from '../schemas/refusal.js';
import { type Authority, authorityFiles } from './authority.js';
import { parseCertificate, textOf } from './bundle.js';
import { dropClaims } from './claims.js';
import { exclusively } from './exclusive.js';
import { type Issued, issued } from './issued.js';
import { makeCrl, type Revoked, readCrl } from './x509.js';

/**
 * Revokes every certificate of a name and drops its open claims: the name comes back only by a new one.
 * @returns their serial numbers
 * @throws Refusal where the name has neither
 */
export function revoke(authority: Authority, name: string, nowMs: number): Promise<string[]> {
  const { folder } = authority;
  return exclusively(folder, async () => {
    const dropped = await dropClaims(folder, name, nowMs);
    const serials = (await countingOf(authority, name, nowMs)).map(({ serial }) => serial);
    if (serials.length === 0 && dropped === 0)
      throw new Refusal(
        `"${name}" has no certificate that counts and no claim: fleetune ca list shows who has`,
      );
    const before = await revokedBy(authority);
    const added = serials.map((serial) => ({ serial, atMs: nowMs }));
    await writeCrl(authority, [...before, ...added], nowMs);
    return serials;
  });
}

/** What is revoked now. @throws Refusal where the list is gone or not ours: nobody may count as unrevoked then */
export async function revokedBy({ folder, certificate }: Authority): Promise<Revoked[]> {
  const pem = textOf(join(folder, authorityFiles.crl));
  if (pem === undefined) throw new Refusal(`${join(folder, authorityFiles.crl)} is missing`);
  return readCrl(pem, certificate);
}

/** Certificates of a name that count: neither past their end nor revoked. */
export async function countingOf(authority: Authority, name: string, nowMs: number): Promise<Issued[]> {
  const revoked = new Set((await revokedBy(authority)).map(({ serial }) => serial));
  return issued(authority.folder).filter(
    (entry) => entry.name === name && entry.toMs > nowMs && !revoked.has(entry.serial),
  );
}

/** Certificates past their end need no line any more. */
async function writeCrl(authority: Authority, revoked: readonly Revoked[], nowMs: number): Promise<void> {
  const { folder, certificate } = authority;
  const over = new Set(issued(folder).flatMap(({ serial, toMs }) => (toMs < nowMs ? [serial] : [])));
  // OpenSSL lets nobody in where nextUpdate has passed. What is new comes by the file, not by this date.
  const toMs = Date.parse(parseCertificate(certificate, authorityFiles.certificate).validTo);
  const left = revoked.filter(({ serial }) => !over.has(serial));
  await writeAtomic(
    join(folder, authorityFiles.crl),
    await makeCrl(left, authority, { fromMs: nowMs, toMs }),
  );
}
