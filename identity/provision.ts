import { join, resolve } from 'node:path';
import { writeAtomic } from '../runtime/files.js';
import { Refusal } from '../schemas/refusal.js';
import { type Authority, endOf, issue } from './authority.js';
import { bundleFiles, holderOf, parseCertificate, textOf } from './bundle.js';
import { type BundleSettings, settingsFile } from './bundle-settings.js';
import { changing, keyAndRequest, takeKey } from './enrolment.js';
import { exclusively } from './exclusive.js';
import { readRegister, serialsOf } from './issued.js';
import { dueMs } from './renewal.js';
import { requireOther, type Subject, serialOf } from './x509.js';

/** What of somebody's a folder holds: a certificate that counts, or why it does not. */
export type Held = 'nothing' | 'another' | 'revoked' | 'not valid yet' | 'due' | 'ended' | 'valid';

/** @returns another: a certificate of another holder or authority, or none that can be read */
export function heldIn(
  folder: string,
  { name, role }: Pick<Subject, 'name' | 'role'>,
  authority: Authority,
  nowMs: number,
): Held {
  const pem = textOf(join(folder, bundleFiles.certificate));
  if (pem === undefined) return 'nothing';
  try {
    const certificate = parseCertificate(pem, folder);
    const holder = holderOf(certificate);
    const issuer = parseCertificate(authority.certificate, bundleFiles.authority);
    if (holder.name !== name || holder.role !== role || !certificate.verify(issuer.publicKey))
      return 'another';
    if (serialsOf(readRegister(authority.folder).revoked).has(serialOf(pem))) return 'revoked';
    const dates = { fromMs: Date.parse(certificate.validFrom), toMs: Date.parse(certificate.validTo) };
    if (nowMs < Date.parse(issuer.validFrom)) return 'valid'; // A clock that is not set yet says nothing.
    if (nowMs < dates.fromMs) return 'not valid yet'; // As one that was made when this clock was ahead.
    if (nowMs >= dates.toMs) return 'ended';
    return nowMs < dueMs(dates, 1) ? 'valid' : 'due'; // Later than its own service renews it.
  } catch (error) {
    if (error instanceof Refusal) return 'another';
    throw error;
  }
}

/**
 * Makes a bundle for somebody; with a request it has no key, which is where the request was made. In place of one of the
 * same holder that does not count, or not for long, it makes a new key and certificate; its settings stay.
 * @throws Refusal where the folder holds another's bundle or one that counts, or the request can't be used
 */
export async function provision(
  authority: Authority,
  subject: Subject,
  folder: string,
  reach: Omit<BundleSettings, 'role' | 'name'>,
  times: { days: number; nowMs: number },
  given?: string,
): Promise<void> {
  const { name, role } = subject;
  requireOther(subject);
  endOf(authority, times.nowMs); // Before a key is made.
  const held = heldIn(folder, subject, authority, times.nowMs);
  if (held === 'another')
    throw new Refusal(
      `${folder} holds a certificate already, not that of ${role} ${name}: give another folder with --out`,
    );
  if (held === 'valid')
    throw new Refusal(`${folder} holds a certificate already that counts: give another folder with --out`);
  const put = (file: string, text: string) => writeAtomic(join(folder, file), text, 0o644);
  const make = async () => {
    const request = given ?? (await keyAndRequest(folder, name)).request;
    const certificate = await exclusively(authority.folder, () => issue(authority, subject, request, times));
    await put(bundleFiles.authority, authority.certificate);
    if (held === 'nothing')
      await put(`${role}.yaml`, settingsFile({ role, name, ...reach, tls: reach.tls || resolve(folder) }));
    await put(bundleFiles.certificate, certificate);
    if (given === undefined) await takeKey(folder);
  };
  await changing(folder, make, '--out');
}
