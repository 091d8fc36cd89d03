import { constants } from 'node:crypto';
import type { TLSSocket, TlsOptions } from 'node:tls';
import { type Holder, holderOf } from './bundle.js';

/** What a TLS server needs, as PEM. */
export interface ServerSecrets {
  certificate: string;
  key: string;
  /** Whose certificates peers may have; none: peers are asked for none. */
  authority?: string;
}

/**
 * Options of a TLS server that asks for certificates and judges them itself: Node would cut a peer without
 * telling anybody why. No session is taken up again, and none is negotiated anew: a peer's certificate is looked at
 * in every connection and stays what it was.
 */
export const tlsServerOptions = ({ certificate, key, authority }: ServerSecrets): TlsOptions => ({
  ...{ cert: certificate, key, minVersion: 'TLSv1.2' },
  secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
  ...(authority === undefined ? {} : { ca: authority, requestCert: true, rejectUnauthorized: false }),
});

/** A peer's certificate that counts. */
export interface PeerCertificate extends Holder {
  /** Lower-case hexadecimal without leading zeros, as in the register and in lists of revoked ones. */
  serial: string;
  toMs: number;
}

/** Who a peer shows to be: nobody, somebody, or not who it says, with the reason. */
export type Shown = 'nothing' | PeerCertificate | { problem: string };

/** Reads what a peer showed in the handshake. What counts must hold at this moment, in each new connection. */
export function shownBy(socket: TLSSocket, isRevoked: (serial: string) => boolean, nowMs: number): Shown {
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return 'nothing';
  const holder = holderOf(certificate);
  const serial = certificate.serialNumber.toLowerCase().replace(/^0+(?=.)/, '');
  const toMs = Date.parse(certificate.validTo);
  const what = `certificate of ${JSON.stringify(holder.name.slice(0, 64))}`;
  const code = String(socket.authorizationError ?? '');
  if (code === 'CERT_HAS_EXPIRED' || toMs <= nowMs)
    return { problem: `${what}: expired ${new Date(toMs).toISOString()}` };
  if (!socket.authorized) return { problem: `${what}: ${problems[code] ?? code}` };
  if (isRevoked(serial)) return { problem: `${what}: revoked` };
  return { ...holder, serial, toMs };
}

const otherAuthority = 'of another authority';
const problems: Record<string, string> = {
  CERT_NOT_YET_VALID: 'not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: otherAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: otherAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: otherAuthority,
  UNABLE_TO_GET_ISSUER_CERT: otherAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: otherAuthority,
  CERT_SIGNATURE_FAILURE: otherAuthority,
  INVALID_PURPOSE: 'not made for a client',
};
