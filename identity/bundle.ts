import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { told } from '../runtime/log.js';
import { Refusal } from '../schemas/refusal.js';
import { type CertificateRole, certificateRoles } from '../schemas/roles.js';

/** Files of the folder that says who a service is; named as Kubernetes and cert-manager name them. */
export const bundleFiles = {
  certificate: 'tls.crt',
  key: 'tls.key',
  /** The key of a certificate that was asked for and may not have come yet. */
  nextKey: 'tls.key.next',
  authority: 'ca.crt',
  /** The authority of a certificate that is about to take its place. */
  nextAuthority: 'ca.crt.next',
  /** Of the claim that the bundle was made by, the SHA-256 of its secret. */
  usedClaim: 'claim.used',
  /** Held by who changes the bundle. */
  lock: 'tls.lock',
} as const;

/** What TLS needs, as PEM. Without an authority the system's roots count. */
export interface Bundle {
  own?: { certificate: string; key: string };
  authority?: string;
}

/**
 * Reads a bundle; quick enough for every connection, so that a renewed one counts from the next on.
 * @param flag that the folder was given by
 * @throws Refusal for a folder without either certificate, a key that others may read or that is another's
 */
export function readBundle(folder: string, flag = '--tls'): Bundle {
  const certificate = textOf(join(folder, bundleFiles.certificate));
  const authority = matchingAuthority(folder, certificate);
  if (certificate === undefined && authority === undefined)
    throw new Refusal(
      `${folder} (${flag}) holds neither ${bundleFiles.certificate} nor ${bundleFiles.authority}: ` +
        'make a bundle with `fleetune provision`, or enrol with `fleetune enroll`',
    );
  return {
    ...(certificate === undefined ? {} : { own: { certificate, key: matchingKey(folder, certificate) } }),
    ...(authority === undefined ? {} : { authority }),
  };
}

/** The certificate's key; after a crash in a renewal that is the one that was asked for last. */
function matchingKey(folder: string, certificate: string): string {
  const parsed = parseCertificate(certificate, join(folder, bundleFiles.certificate));
  const keys = [bundleFiles.key, bundleFiles.nextKey].map((name) => join(folder, name));
  const found = keys.map((path) => readSecret(path)).filter((key) => key !== undefined);
  const match = found.find((key) => parsed.checkPrivateKey(parsePrivateKey(key, folder)));
  if (match) return match;
  const what = found.length === 0 ? 'is missing' : `is not the key of ${bundleFiles.certificate}`;
  throw new Refusal(`${keys[0]} ${what}`);
}

/** The certificate's authority; after a crash in an enrolment that is the one that came with it. */
function matchingAuthority(folder: string, certificate: string | undefined): string | undefined {
  const next = textOf(join(folder, bundleFiles.nextAuthority));
  const isNext =
    next !== undefined &&
    certificate !== undefined &&
    parseCertificate(certificate, join(folder, bundleFiles.certificate)).verify(
      parseCertificate(next, join(folder, bundleFiles.nextAuthority)).publicKey,
    );
  return isNext ? next : textOf(join(folder, bundleFiles.authority));
}

/** A file that only its owner, and its group, may read; undefined where there is none. @throws Refusal */
export function readSecret(path: string): string | undefined {
  const text = textOf(path);
  if (text === undefined) return undefined;
  const { mode } = statSync(path);
  if (mode & 0o027)
    throw new Refusal(
      `${path} can be read or changed by others (mode ${(mode & 0o777).toString(8)}): chmod 600 ${path}`,
    );
  return text;
}

/** @throws Refusal that names where it stood */
export function parseCertificate(pem: string, from: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new Refusal(`${from}: not a readable certificate (PEM)`, { cause });
  }
}

/** @throws Refusal that names where it stood */
export function parsePrivateKey(pem: string, from: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new Refusal(`${from}: not a readable private key (PEM, without a password)`, { cause });
  }
}

/** Whom a certificate names. */
export interface Holder {
  /** CN; '' where there is none. */
  name: string;
  /** OU, where it is a role. */
  role: CertificateRole | undefined;
}

export function holderOf(certificate: X509Certificate): Holder {
  const field = (key: string) =>
    certificate.subject
      .split('\n')
      .find((line) => line.startsWith(`${key}=`))
      ?.slice(key.length + 1);
  return { name: field('CN') ?? '', role: certificateRoles.find((role) => role === field('OU')) };
}

export function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Refusal(`${path} can't be read: ${told(error)}`);
  }
}
