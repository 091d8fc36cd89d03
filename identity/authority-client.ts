import { type RequestOptions, request } from 'node:https';
import { checkServerIdentity as checkHost, type PeerCertificate } from 'node:tls';
import { Refusal } from '../schemas/refusal.js';
import { authorityName, fingerprintOf } from './x509.js';

const limitMs = 15_000;
/** A list of some 200,000 revoked certificates. */
const maxAnswerBytes = 16 * 2 ** 20;

/** The authority was not reached, or did not answer: later it may. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered';
}

/** What speaks for us, and whom we believe; PEM. */
export interface Trust {
  ca: string;
  cert?: string;
  key?: string;
}

/**
 * The authority's certificate, fetched from a server that nobody vouches for yet, and held against the
 * fingerprint that came with the claim. Nothing secret is sent before it fits.
 * @throws Refusal where it does not fit; Unanswered
 */
export async function fetchAuthority(url: string, fingerprint: string): Promise<string> {
  const certificate = await ask(url, 'GET', '/v1/authority', undefined, { rejectUnauthorized: false });
  if (fits(certificate, fingerprint)) return certificate;
  throw new Refusal(
    `${url} is not the authority that made the claim: its certificate has another fingerprint. ` +
      'Either the claim is of another authority, or somebody is in between',
  );
}

/** The list of revoked certificates, PEM. @throws Refusal or an error, as post */
export const fetchRevoked = (url: string, ca: string) => ask(url, 'GET', '/v1/revoked', undefined, { ca });

/** Posts JSON; answers the text. @throws Refusal where it is refused; Unanswered, also by another's server */
export const post = (url: string, path: string, body: Record<string, string>, trust: Trust) =>
  ask(url, 'POST', path, JSON.stringify(body), { ...trust, checkServerIdentity });

/** A broker's certificate fits the address too where both are on one machine: it is to hear no claim. */
function checkServerIdentity(host: string, certificate: PeerCertificate): Error | undefined {
  const { CN, OU } = certificate.subject;
  if (CN === authorityName && OU === 'broker') return checkHost(host, certificate);
  return new Error(`the server’s certificate is that of ${OU} ${CN}, not the authority’s`);
}

/** A text; undefined where it is still the one of the mark. @throws Refusal where it is refused; Unanswered */
export async function fetchText(url: string, ca: string, mark?: string): Promise<string | undefined> {
  const headers = mark === undefined ? {} : { 'if-none-match': mark };
  return (await ask(url, 'GET', '', undefined, { ca, headers })) || undefined;
}

function fits(certificate: string, fingerprint: string): boolean {
  try {
    return fingerprintOf(certificate) === fingerprint;
  } catch {
    return false;
  }
}

function ask(
  base: string,
  method: string,
  path: string,
  body: string | undefined,
  options: RequestOptions,
): Promise<string> {
  const { promise, resolve, reject } = deferred<string>();
  const all: RequestOptions = {
    ...{ method, minVersion: 'TLSv1.2', agent: false, ...options },
    ...{ signal: AbortSignal.timeout(limitMs) },
    headers:
      body === undefined
        ? (options.headers ?? {})
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
  };
  const asking = request(new URL(path, base), all, (response) => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    response.on('data', (piece: Buffer) => {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes > maxAnswerBytes) response.destroy(new Error('an answer without an end'));
    });
    response.on('error', (cause) => reject(new Unanswered(`the answer of ${base} was cut`, { cause })));
    response.on('end', () => {
      const text = Buffer.concat(pieces).toString();
      const { statusCode: status = 0 } = response;
      if (status === 200 || status === 304) resolve(text);
      else if (status === 403) reject(new Refusal(`the authority at ${base} refuses: ${text.slice(0, 300)}`));
      else reject(new Unanswered(`the authority at ${base} answers ${status}: ${text.slice(0, 300)}`));
    });
  });
  asking.on('error', (cause) => reject(new Unanswered(`the authority at ${base} can't be asked`, { cause })));
  asking.end(body);
  return promise;
}

function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
