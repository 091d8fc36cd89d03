import { createHash, createPrivateKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { requireFolder, syncFolder, writeAtomic } from '../runtime/files.js';
import { Refusal } from '../schemas/refusal.js';
import { fetchAuthority, post } from './authority-client.js';
import type { Enrolled } from './authority-server.js';
import { bundleFiles, holderOf, parseCertificate, readBundle, readSecret, textOf } from './bundle.js';
import { settingsFile } from './bundle-settings.js';
import type { ClaimToken } from './claim-token.js';
import { underLock } from './exclusive.js';
import { makeKey, makeRequest } from './x509.js';

/**
 * Turns a claim into a bundle: makes the key, on this machine, and asks for its certificate. A bundle that is there
 * already, of whatever authority, is replaced; it is the old one or the new one, whole, at every moment. It may be
 * killed anywhere and done again: the key is on disk before the request, and the same key gets the same answer.
 * @returns false where the bundle was made by this claim: then nothing is asked for
 * @throws Refusal where the claim does not count; Unanswered
 */
export const enroll = (token: ClaimToken, folder: string): Promise<boolean> =>
  changing(folder, () => redeem(token, folder));

/**
 * One change of a bundle after the other: of two at once the certificate of one could end beside the key of the other.
 * @throws Refusal where the folder can't be written to; an error EBUSY where another is not done in time
 */
export async function changing<T>(folder: string, change: () => Promise<T>, flag = '--tls'): Promise<T> {
  await requireFolder(folder, `the bundle (${flag})`);
  return underLock(join(folder, bundleFiles.lock), `${folder} (${flag})`, change);
}

async function redeem(token: ClaimToken, folder: string): Promise<boolean> {
  const { url, name, fingerprint, secret } = token;
  const used = join(folder, bundleFiles.usedClaim);
  const mark = createHash('sha256').update(secret).digest('hex');
  const known = textOf(used)?.trim();
  if (known === mark && (await isWhole(folder))) return false;
  const ca = await fetchAuthority(url, fingerprint);
  if (known === undefined && (await wasMadeBy(token, folder, ca))) {
    await writeAtomic(used, `${mark}\n`, 0o600);
    return false;
  }
  const { key, request } = await keyAndRequest(folder, name);
  const answer = JSON.parse(await post(url, '/v1/enroll', { secret, request }, { ca })) as Enrolled;
  const { role } = checked(answer.certificate, ca, key, name);
  const { broker, fleet } = answer;
  const settings = { role, name, tls: resolve(folder), authority: url, broker, fleet };
  const nextAuthority = join(folder, bundleFiles.nextAuthority);
  await writeAtomic(nextAuthority, ca, 0o644);
  await writeAtomic(join(folder, bundleFiles.certificate), answer.certificate, 0o644); // Now it is the new one.
  await rename(nextAuthority, join(folder, bundleFiles.authority));
  await writeAtomic(join(folder, `${role}.yaml`), settingsFile(settings), 0o644);
  await writeAtomic(used, `${mark}\n`, 0o600); // All is there but the key's name: until then it can be done again.
  await takeKey(folder);
  return true;
}

/** Whether there is a certificate with its key, which then has its name. */
async function isWhole(folder: string): Promise<boolean> {
  const own = unlessRefused(() => readBundle(folder).own);
  if (own) await settle(folder, own.key);
  return own !== undefined;
}

/**
 * Whether a bundle without a mark, as former versions made them, was made by the claim: the authority says so to its
 * key. It does not use the claim up: one that is open is for a new key.
 */
async function wasMadeBy({ url, name, secret }: ClaimToken, folder: string, ca: string): Promise<boolean> {
  const own = unlessRefused(() => readBundle(folder).own);
  const isSettled = own !== undefined && own.key === textOf(join(folder, bundleFiles.key));
  if (!isSettled || !isOurs(own, name, ca)) return false;
  const request = await makeRequest(name, createPrivateKey(own.key));
  try {
    const answer = JSON.parse(await post(url, '/v1/enrolled', { secret, request }, { ca })) as Enrolled;
    return answer.certificate === own.certificate;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

/** Whether it is an enrolled board's: of the name, of the authority, with a key as enrolment makes it. */
function isOurs({ certificate }: { certificate: string }, name: string, ca: string): boolean {
  const parsed = parseCertificate(certificate, bundleFiles.certificate);
  const { asymmetricKeyDetails } = parsed.publicKey;
  const isKind = asymmetricKeyDetails?.namedCurve === 'prime256v1';
  const { publicKey } = parseCertificate(ca, bundleFiles.authority);
  return isKind && holderOf(parsed).name === name && parsed.verify(publicKey);
}

function unlessRefused<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/**
 * Exchanges the certificate of a bundle for one that ends later, over TLS with the present one. The folder holds
 * a whole bundle at every moment.
 * @param serial of the certificate that is to be exchanged: where another is there by now, it stays; none: whatever is there
 * @throws Refusal where the authority refuses, as for a revoked one; Unanswered
 */
export async function renew(url: string, folder: string, serial?: string): Promise<void> {
  if (!existsSync(join(folder, bundleFiles.certificate))) throw nothingIn(folder);
  await changing(folder, () => exchange(url, folder, serial));
}

const nothingIn = (folder: string) =>
  new Refusal(`${folder} (--tls) holds no certificate with its authority’s: there is nothing to renew`);

async function exchange(url: string, folder: string, serial: string | undefined): Promise<void> {
  const { own, authority: ca } = readBundle(folder);
  if (!own || ca === undefined) throw nothingIn(folder);
  const present = parseCertificate(own.certificate, bundleFiles.certificate);
  if (present.serialNumber !== (serial ?? present.serialNumber)) return;
  const { name } = holderOf(present);
  await settle(folder, own.key);
  const { key, request } = await keyAndRequest(folder, name);
  const answer = await post(url, '/v1/renew', { request }, { ca, cert: own.certificate, key: own.key });
  const { certificate } = JSON.parse(answer) as { certificate: string };
  checked(certificate, ca, key, name);
  await writeAtomic(join(folder, bundleFiles.certificate), certificate, 0o644);
  await takeKey(folder);
}

/** A certificate request, PEM, whose key stays in the folder and waits there for its certificate. */
export const requestFor = (name: string, folder: string): Promise<string> =>
  changing(folder, async () => (await keyAndRequest(folder, name)).request);

/** The key that waits for its certificate, made where there is none. */
export async function keyAndRequest(folder: string, name: string) {
  const path = join(folder, bundleFiles.nextKey);
  let key = readSecret(path);
  if (key === undefined) {
    key = await makeKey();
    await writeAtomic(path, key, 0o600);
  }
  return { key, request: await makeRequest(name, createPrivateKey(key)) };
}

/** Finishes what a crash may have left between the certificate and its key. */
async function settle(folder: string, key: string): Promise<void> {
  if (textOf(join(folder, bundleFiles.nextKey)) === key) await takeKey(folder);
}

/** The waiting key's certificate has come: it takes its name. */
export async function takeKey(folder: string): Promise<void> {
  await rename(join(folder, bundleFiles.nextKey), join(folder, bundleFiles.key));
  await syncFolder(folder);
}

/** An authority that errs must not cost a board its way back in. */
function checked(pem: string, authority: string, key: string, name: string) {
  const certificate = parseCertificate(pem, 'the authority’s answer');
  const holder = holderOf(certificate);
  const { publicKey } = parseCertificate(authority, bundleFiles.authority);
  if (
    !certificate.verify(publicKey) ||
    !certificate.checkPrivateKey(createPrivateKey(key)) ||
    holder.name !== name ||
    holder.role === undefined
  )
    throw new Refusal('the authority answers with a certificate that is not ours');
  return holder;
}
