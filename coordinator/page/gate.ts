import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';

/** Who is let in at the page. Pure. */

/**
 * Whether a Host header names us. A page of somebody else can make a name of his point to us (DNS rebinding)
 * and would then read ours as its own; to an address it can't.
 */
export function isOurName(host: string | undefined, names: readonly string[]): boolean {
  const [, name] = /^(\[[\da-f:.]+\]|[^[\]:]+)(?::\d{1,5})?$/i.exec(host ?? '') ?? [];
  if (!name) return false;
  const known = ['localhost', ...names.map((other) => other.toLowerCase())];
  return isIP(name.replace(/^\[|\]$/g, '')) !== 0 || known.includes(name.toLowerCase());
}

/** Whether an Authorization header [RFC 7617] is that of the user; compared in constant time. */
export function credentialCheck(user: string, password: string): (authorization?: string) => boolean {
  const expected = digest(Buffer.from(`${user}:${password}`));
  return (authorization = '') => {
    const [, encoded = ''] = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(authorization) ?? [];
    return timingSafeEqual(digest(Buffer.from(encoded, 'base64')), expected);
  };
}

/** Of equal length whatever was sent. */
const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest();
