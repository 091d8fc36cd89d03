import { createPublicKey, type KeyObject } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import { Refusal } from '../schemas/refusal.js';
import { type Role, roles } from '../schemas/roles.js';
import { textOf } from './bundle.js';

export interface TokenRules {
  key: KeyObject;
  /** '' where any will do. */
  issuer: string;
  audience: string;
}

/** Whom a token is for. */
export interface TokenHolder {
  name: string;
  role: Role;
  /** The connection must not outlive it. */
  toMs: number;
}

/** Reads the public key that tokens must be signed with. @throws Refusal */
export function readTokenKey(path: string): KeyObject {
  const pem = textOf(path);
  if (pem === undefined) throw new Refusal(`${path} (--jwt-key) is missing`);
  if (/PRIVATE KEY/.test(pem)) throw new Refusal(`${path} (--jwt-key) is a private key: give the public one`);
  try {
    const key = createPublicKey(pem);
    if (algorithmsOf(key).length > 0) return key;
  } catch (cause) {
    throw new Refusal(`${path} (--jwt-key): not a readable public key (PEM)`, { cause });
  }
  throw new Refusal(`${path} (--jwt-key): expected an RSA, EC P-256 or Ed25519 key`);
}

/**
 * Checks a JWT: signature, end, issuer, audience; `sub` is the name and `role` the role. Only the algorithms of
 * the key's kind count: a token does not choose how it is checked [RFC 8725, 3.1].
 * @throws Refusal with the reason, for the log
 */
export async function verifyToken(
  token: string,
  { key, issuer, audience }: TokenRules,
): Promise<TokenHolder> {
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: algorithmsOf(key),
      requiredClaims: ['sub', 'exp'],
      ...(issuer === '' ? {} : { issuer }),
      ...(audience === '' ? {} : { audience }),
    });
    const role = roles.find((r) => r === payload.role);
    if (!role) throw new Refusal(`a token without a role: expected "role", one of ${roles.join(', ')}`);
    return { name: payload.sub!, role, toMs: payload.exp! * 1000 };
  } catch (error) {
    if (error instanceof errors.JOSEError) throw new Refusal(`a token that does not count: ${error.message}`);
    throw error;
  }
}

function algorithmsOf({ asymmetricKeyType: type, asymmetricKeyDetails }: KeyObject): string[] {
  if (type === 'rsa') return ['RS256', 'PS256'];
  if (type === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1') return ['ES256'];
  return type === 'ed25519' ? ['EdDSA'] : [];
}

/** Whether a password has the form of a token [RFC 7519, 3]. */
export const isToken = (text: string) => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
