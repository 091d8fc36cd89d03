import { createPrivateKey, type KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { requireFolder, writeAtomic } from '../runtime/files.js';
import { Refusal } from '../schemas/refusal.js';
import { parseCertificate } from './bundle.js';
import { exclusively } from './exclusive.js';
import { type Issued, readRegister, register } from './issued.js';
import {
  keyOfRequest,
  makeAuthority,
  makeCrl,
  makeKey,
  type Subject,
  serialOf,
  signCertificate,
} from './x509.js';

/** The folder of an authority. Brokers need `public` only, and only `public` may leave the machine. */
export const authorityFiles = {
  key: 'ca.key',
  public: 'public',
  certificate: join('public', 'ca.crt'),
  crl: join('public', 'crl.pem'),
  claims: 'claims',
} as const;

export interface Authority {
  folder: string;
  /** PEM. */
  certificate: string;
  key: KeyObject;
}

const dayMs = 86_400_000;
/** Clocks of boards that have just started may be behind. */
const slackMs = 3_600_000;

/** Makes an authority. @throws Refusal where there is one already: all its certificates would be worth nothing */
export async function initAuthority(
  folder: string,
  given: { name: string; years: number },
  nowMs: number,
): Promise<Authority> {
  await makePublicFolder(folder);
  await requireFolder(join(folder, authorityFiles.claims), 'the authority’s folder (--ca)', 0o700);
  return exclusively(folder, async () => {
    const path = (file: 'key' | 'certificate' | 'crl') => join(folder, authorityFiles[file]);
    if (holdsAuthority(folder))
      throw new Refusal(`${folder} holds an authority already: give another folder with --ca`);
    const pem = await makeKey();
    const key = createPrivateKey(pem);
    const validity = { fromMs: nowMs - slackMs, toMs: nowMs + given.years * 365.25 * dayMs };
    const certificate = await makeAuthority(given.name, key, validity);
    const authority = { folder, certificate, key };
    await register(folder, { authority: certificate }); // Before the key: with both the rest can be made again.
    await writeAtomic(path('key'), pem, 0o600);
    await writeAtomic(path('crl'), makeCrl([], authority, validity), 0o644);
    await writeAtomic(path('certificate'), certificate, 0o644);
    return authority;
  });
}

/** Whether a folder holds an authority, or what is left of one that made certificates. */
export const holdsAuthority = (folder: string) =>
  existsSync(join(folder, authorityFiles.key)) ||
  existsSync(join(folder, authorityFiles.certificate)) ||
  readRegister(folder).issued.length > 0;

export async function makePublicFolder(folder: string): Promise<void> {
  const path = join(folder, authorityFiles.public);
  await requireFolder(path, 'the authority’s folder (--ca)');
  // Brokers are other users, whatever the umask is. A mount that is not ours has its own mode.
  await chmod(path, 0o755).catch(() => undefined);
}

/**
 * When an authority ends, ms since 1970.
 * @throws Refusal where it has, or has not begun by this clock: what it signs then counts for nobody
 */
export function endOf({ folder, certificate }: Authority, nowMs: number): number {
  const { validFrom, validTo } = parseCertificate(certificate, authorityFiles.certificate);
  const [fromMs, endMs] = [Date.parse(validFrom), Date.parse(validTo)];
  const clock = `the clock of this machine, ${new Date(nowMs).toISOString()}`;
  if (nowMs < fromMs)
    throw new Refusal(
      `${clock}, is behind: the authority in ${folder} (--ca) counts from ${new Date(fromMs).toISOString()} on. ` +
        'Set the clock, and do it again',
    );
  if (nowMs < endMs) return endMs;
  throw new Refusal(
    `the authority in ${folder} (--ca) has ended on ${new Date(endMs).toISOString()}, by ${clock}: ` +
      'make a new one in another folder and provision all anew',
  );
}

/**
 * Signs a certificate for a request. It is in the register before anybody gets it, so that it can be revoked.
 * Call it within `exclusively`.
 */
export async function issue(
  authority: Authority,
  { name, role, hosts }: Subject,
  requestPem: string,
  { days, nowMs }: { days: number; nowMs: number },
): Promise<string> {
  const publicKey = await keyOfRequest(requestPem);
  const toMs = Math.min(nowMs + days * dayMs, endOf(authority, nowMs));
  const validity = { fromMs: nowMs - Math.min(slackMs, (toMs - nowMs) / 2), toMs };
  const certificate = await signCertificate({ name, role, hosts }, publicKey, authority, validity);
  const entry: Issued = { serial: serialOf(certificate), name, role, hosts: [...hosts], ...validity };
  await register(authority.folder, entry);
  return certificate;
}
