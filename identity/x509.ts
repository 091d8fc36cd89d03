import 'reflect-metadata'; // @peculiar/x509 looks its parts up with it, and says so when it is not there first.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  randomBytes,
  webcrypto,
  X509Certificate,
} from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import { Refusal } from '../schemas/refusal.js';
import type { CertificateRole } from '../schemas/roles.js';
import { encodeCrl, type Revoked } from './crl.js';

/** Makes certificates, requests and lists of revoked ones; PEM text in and out. Loading it takes 20 MB. */

x509.cryptoProvider.set(webcrypto);

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const { digitalSignature, keyCertSign, cRLSign } = x509.KeyUsageFlags;
const { clientAuth, serverAuth } = x509.ExtendedKeyUsage;

/** Of the authority's own server: so it is told from other servers that the authority made certificates for. */
export const authorityName = 'authority';

/** @throws Refusal for another server by that name: boards would tell it their claims */
export function requireOther({ name, role }: Pick<Subject, 'name' | 'role'>): void {
  if (role === 'broker' && name === authorityName)
    throw new Refusal(`${name} is the authority’s own server, which alone hears claims: give another name`);
}

export interface Signer {
  /** PEM. */
  certificate: string;
  key: KeyObject;
}

/** Who a certificate is for. */
export interface Subject {
  /** CN. */
  name: string;
  /** OU. */
  role: CertificateRole;
  /** Host names and addresses of a server. */
  hosts: readonly string[];
}

export interface Validity {
  fromMs: number;
  toMs: number;
}

/** A private key for a certificate: PKCS#8 PEM. */
export async function makeKey(): Promise<string> {
  const { privateKey } = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', privateKey));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString();
}

/** A self-signed certificate that signs others, and nothing else. */
export async function makeAuthority(name: string, key: KeyObject, validity: Validity): Promise<string> {
  const keys = await pairOf(key);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...{ serialNumber: serial(), name: [{ CN: [name] }], keys },
    ...{ ...datesOf(validity), signingAlgorithm: algorithm },
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(keyCertSign | cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}

/** A certificate request [RFC 2986], which proves that its sender holds the key. */
export async function makeRequest(name: string, key: KeyObject): Promise<string> {
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [name] }],
    keys: await pairOf(key),
    signingAlgorithm: algorithm,
  });
  return `${request.toString('pem')}\n`;
}

/** A request's public key, SPKI DER. @throws Refusal where it is no request, or not signed with its own key */
export async function keyOfRequest(pem: string): Promise<Buffer> {
  try {
    const request = new x509.Pkcs10CertificateRequest(pem);
    if (await request.verify()) return strong(Buffer.from(request.publicKey.rawData));
  } catch (cause) {
    if (cause instanceof Refusal) throw cause;
    throw new Refusal('not a readable certificate request (PKCS#10, PEM)', { cause });
  }
  throw new Refusal('a certificate request that is not signed with its own key');
}

function strong(spki: Buffer): Buffer {
  const { asymmetricKeyType: type, asymmetricKeyDetails } = createPublicKey({
    key: spki,
    format: 'der',
    type: 'spki',
  });
  const isStrong =
    (type === 'ec' && /^(prime256v1|secp384r1|secp521r1)$/.test(asymmetricKeyDetails?.namedCurve ?? '')) ||
    (type === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048) ||
    type === 'ed25519';
  if (!isStrong)
    throw new Refusal('a key that is too weak: expected EC P-256 or better, RSA 2048 or Ed25519');
  return spki;
}

/** Signs a certificate. @param publicKey SPKI DER */
export async function signCertificate(
  { name, role, hosts }: Subject,
  publicKey: Uint8Array,
  signer: Signer,
  validity: Validity,
): Promise<string> {
  const key = new x509.PublicKey(publicKey);
  const isServer = role === 'broker';
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: [{ OU: [role] }, { CN: [name] }],
    issuer: new x509.X509Certificate(signer.certificate).subject,
    publicKey: key,
    signingKey: await privateOf(signer.key),
    signingAlgorithm: algorithm,
    ...datesOf(validity),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(digitalSignature, true),
      // A server is a client of the authority when it renews.
      new x509.ExtendedKeyUsageExtension(isServer ? [serverAuth, clientAuth] : [clientAuth]),
      await x509.SubjectKeyIdentifierExtension.create(key),
      await x509.AuthorityKeyIdentifierExtension.create(new x509.X509Certificate(signer.certificate)),
      ...(hosts.length > 0 ? [new x509.SubjectAlternativeNameExtension(hosts.map(generalName))] : []),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}

/** A signed list of revoked certificates, PEM. Past its validity OpenSSL lets nobody in. */
export function makeCrl(
  revoked: readonly Revoked[],
  { certificate, key }: Signer,
  validity: Validity,
): string {
  const issuer = new Uint8Array(new x509.X509Certificate(certificate).subjectName.toArrayBuffer());
  const list = encodeCrl(revoked, { issuer, key }, validity);
  return `${x509.PemConverter.encode(list, 'X509 CRL')}\n`; // OpenSSL reads no 'CRL', the library's name for it.
}

/** Three and a bit for each entry: 300,000 of them. The library’s own limit ends at 3,300. */
const maxNodes = 1_000_000;

/** What a list revokes. @throws Refusal where it is no list, or not signed by the authority */
export async function readCrl(pem: string, authority: string): Promise<Revoked[]> {
  let list: x509.X509Crl;
  let signed: boolean;
  try {
    list = new x509.X509Crl(pem, { berOptions: { maxNodes } });
    signed = await list.verify({ publicKey: new x509.X509Certificate(authority) });
  } catch (cause) {
    throw new Refusal('not a readable list of revoked certificates (CRL, PEM)', { cause });
  }
  if (!signed) throw new Refusal('a list of revoked certificates that another authority signed');
  return list.entries.map(({ serialNumber, revocationDate }) => ({
    serial: plainSerial(serialNumber),
    atMs: revocationDate.getTime(),
  }));
}

/** A certificate's serial number in lower-case hexadecimal, without leading zeros. */
export const serialOf = (pem: string) => plainSerial(new X509Certificate(pem).serialNumber);

export const plainSerial = (hex: string) => hex.toLowerCase().replace(/^0+(?=.)/, '');

/** SHA-256 over a certificate's DER, base64url. */
export const fingerprintOf = (pem: string) =>
  createHash('sha256').update(new X509Certificate(pem).raw).digest('base64url');

/** 127 bits by chance, positive [RFC 5280, 4.1.2.2]. */
function serial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

const generalName = (host: string) => ({
  type: isIP(host) ? ('ip' as const) : ('dns' as const),
  value: host,
});

const datesOf = ({ fromMs, toMs }: Validity) => ({ notBefore: new Date(fromMs), notAfter: new Date(toMs) });

const privateOf = (key: KeyObject) =>
  webcrypto.subtle.importKey('pkcs8', der(key), algorithm, false, ['sign']);

async function pairOf(key: KeyObject): Promise<webcrypto.CryptoKeyPair> {
  const { d: _secret, ...open } = key.export({ format: 'jwk' });
  const publicKey = await webcrypto.subtle.importKey('jwk', open, algorithm, true, ['verify']);
  return { privateKey: await privateOf(key), publicKey };
}

const der = (key: KeyObject) => key.export({ format: 'der', type: 'pkcs8' });
