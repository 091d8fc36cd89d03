import { Refusal } from '../schemas/refusal.js';
import { namePattern } from '../schemas/topics.js';

/** What a board is given to enrol with, and nothing else. */
export interface ClaimToken {
  /** Of the authority, as https://server.example:8884. */
  url: string;
  /** The name that the certificate will have. */
  name: string;
  /** SHA-256 of the authority's certificate, base64url: what makes the first contact a trusted one. */
  fingerprint: string;
  /** 32 bytes by chance, base64url. */
  secret: string;
}

/** So that a person, and a scanner for leaked secrets, knows it. */
const prefix = 'fleetune-claim-1.';
const hash = /^[A-Za-z0-9_-]{43}$/;

/** One word that survives a shell, YAML and a copy by hand. */
export const writeToken = ({ url, name, fingerprint, secret }: ClaimToken) =>
  `${prefix}${Buffer.from(JSON.stringify([url, name, fingerprint, secret])).toString('base64url')}`;

/** @throws Refusal where it is no whole token; it does not repeat it */
export function readToken(text: string): ClaimToken {
  const word = text.trim();
  if (!word.startsWith(prefix)) throw new Refusal(`not a claim token: it begins with ${prefix}`);
  const [url, name, fingerprint, secret] = parts(word.slice(prefix.length));
  const isWhole =
    isHttps(url) && namePattern.test(name ?? '') && hash.test(fingerprint ?? '') && hash.test(secret ?? '');
  if (!isWhole) throw new Refusal('a claim token that is cut or changed: copy it whole');
  return { url: url!, name: name!, fingerprint: fingerprint!, secret: secret! };
}

function parts(encoded: string): string[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(encoded, 'base64url').toString());
    return Array.isArray(value) && value.every((part) => typeof part === 'string') ? value : [];
  } catch {
    return [];
  }
}

const isHttps = (url = '') => URL.canParse(url) && new URL(url).protocol === 'https:';
