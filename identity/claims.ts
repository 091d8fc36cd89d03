import { createHash, randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { writeAtomic } from '../runtime/files.js';
import { Refusal } from '../schemas/refusal.js';
import type { CertificateRole } from '../schemas/roles.js';
import { type Authority, authorityFiles, issue } from './authority.js';
import { parseCertificate, textOf } from './bundle.js';
import { exclusively } from './exclusive.js';
import { readRegister, serialsOf } from './issued.js';
import { keyOfRequest, requireOther, serialOf } from './x509.js';

/** A claim as it is kept; of the token's secret only its hash, which is the file's name. */
interface Claim {
  name: string;
  role: CertificateRole;
  hosts: string[];
  /** Its end; once it is used, that of its certificate: so long it answers the same key again. */
  toMs: number;
  /** PEM of the certificate that the claim was used for. */
  certificate?: string;
}

/** What is over stays for so long: this clock may be ahead, and what is gone does not come back with it. */
export const keptMs = 365 * 86_400_000;

/** Makes a claim; one of the same name that nobody has used is dropped. @returns the secret, 32 bytes in base64url */
export async function makeClaim(authority: Authority, claim: Omit<Claim, 'certificate'>): Promise<string> {
  requireOther(claim);
  const { folder } = authority;
  return exclusively(folder, async () => {
    await dropClaims(folder, claim.name, Date.now());
    const secret = randomBytes(32).toString('base64url');
    await writeAtomic(fileOf(folder, secret), `${JSON.stringify(claim)}\n`, 0o600);
    return secret;
  });
}

/**
 * Answers a claim with a certificate: once, or again to the same key, as its answer may have been lost.
 * @param isUsed answers again only: an open claim stays open
 * @throws Refusal where there is no such claim, it is over, used, or its certificate was revoked
 */
export function redeem(
  authority: Authority,
  { secret, request }: { secret: string; request: string },
  { days, nowMs }: { days: number; nowMs: number },
  isUsed = false,
): Promise<{ certificate: string; name: string; again: boolean }> {
  const { folder } = authority;
  const path = fileOf(folder, secret);
  return exclusively(folder, async () => {
    const text = textOf(path);
    if (text === undefined) throw new Refusal('no such claim: it was replaced, or revoked, or never made');
    const claim = JSON.parse(text) as Claim;
    const { name, certificate } = claim;
    const key = await keyOfRequest(request);
    if (certificate !== undefined) return { ...again(authority, certificate, key, nowMs), name };
    if (isUsed) throw new Refusal('the claim was not used yet');
    if (claim.toMs < nowMs)
      throw new Refusal(`the claim of ${name} ended at ${new Date(claim.toMs).toISOString()}`);
    const made = await issue(authority, claim, request, { days, nowMs });
    const toMs = Date.parse(parseCertificate(made, 'claim').validTo);
    await writeAtomic(path, `${JSON.stringify({ ...claim, toMs, certificate: made })}\n`, 0o600);
    return { certificate: made, name, again: false };
  });
}

function again({ folder }: Authority, certificate: string, key: Buffer, nowMs: number) {
  const { publicKey, validTo } = parseCertificate(certificate, 'claim');
  if (!key.equals(publicKey.export({ format: 'der', type: 'spki' })))
    throw new Refusal('the claim was used already, by another key');
  if (Date.parse(validTo) < nowMs) throw new Refusal('the certificate that the claim was used for has ended');
  if (serialsOf(readRegister(folder).revoked).has(serialOf(certificate)))
    throw new Refusal('the certificate that the claim was used for is revoked');
  return { certificate, again: true };
}

/** Drops the claims of a name that nobody has used, and all that are long over. @returns how many of the name */
export async function dropClaims(folder: string, name: string, nowMs: number): Promise<number> {
  const claims = join(folder, authorityFiles.claims);
  let dropped = 0;
  for (const [index, file] of (await readdir(claims)).entries()) {
    if (index % 100 === 99) await turn(); // Else the lock's signs of life stop, and another takes it over.
    const path = join(claims, file);
    if (!file.endsWith('.json')) continue;
    const claim = JSON.parse(textOf(path) ?? '{}') as Claim;
    const isNamed = claim.certificate === undefined && claim.name === name;
    if (!isNamed && claim.toMs + keptMs > nowMs) continue;
    await rm(path);
    if (isNamed) dropped++;
  }
  return dropped;
}

/** The secret has 256 bits by chance, so a plain hash is as good as a slow one. */
const fileOf = (folder: string, secret: string) =>
  join(folder, authorityFiles.claims, `${createHash('sha256').update(secret).digest('hex')}.json`);
