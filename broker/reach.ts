import { readBundle, readSecret } from '../identity/bundle.js';
import { isLoopback } from '../runtime/loopback.js';
import { Refusal } from '../schemas/refusal.js';
import type { Role } from '../schemas/roles.js';
import type { reachSettings } from '../schemas/service-settings.js';
import type { SettingsOf } from '../schemas/settings.js';
import type { ConnectionSettings, Secrets } from './connection.js';

type ReachSettings = SettingsOf<typeof reachSettings>;
/** How to reach a broker; what is left out is as its default. */
export type Reach = Pick<ReachSettings, 'broker'> & Partial<ReachSettings>;

/** Whom a connection is for. @param id of a device */
export interface Who {
  role: Role;
  id?: string;
}

/**
 * How to connect: the URL, the user name, and what is shown. Everything is read once now, so that what can't be
 * used is told at the start.
 * @throws Refusal for an address on another machine without TLS or credentials, for files that can't be used
 */
export function reachOf(reach: Reach, who: Who): Pick<ConnectionSettings, 'url' | 'username' | 'secrets'> {
  const { broker: url, username = '', tls: folder = '' } = reach;
  if (folder !== '' && URL.canParse(url) && !isSecure(url))
    throw new Refusal(`--tls is given, and ${url} speaks no TLS: mqtts:// or wss:// does`);
  const { password, tls } = secretsOf(reach, url);
  const problem = reachProblem(url, { isKnown: password !== undefined || tls?.cert !== undefined });
  if (problem && !reach.insecure) throw new Refusal(problem);
  const standard = password !== undefined && who.id !== undefined ? who.id : who.role;
  return { url, username: username || standard, secrets: () => secretsOf(reach, url) };
}

/** Why an address may not be spoken to; undefined where it may. */
export function reachProblem(url: string, { isKnown }: { isKnown: boolean }): string | undefined {
  if (!URL.canParse(url)) return undefined; // Who connects tells what is wrong with it.
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  if (isLoopback(host)) return undefined;
  if (!isSecure(url))
    return (
      `broker ${url} is on another machine, and without TLS anybody between could read and change what is sent: ` +
      'give an address as mqtts:// or wss://, or --insecure if the network is yours alone'
    );
  if (isKnown) return undefined;
  return (
    `broker ${url} is on another machine, and nothing says who we are: give --tls with a certificate, ` +
    '--password-file or --token-file, or --insecure if that broker asks nobody'
  );
}

const isSecure = (url: string) => /^(mqtts|wss|tls|ssl):/.test(url);

function secretsOf(
  { tls = '', password = '', passwordFile = '', tokenFile = '' }: Reach,
  url: string,
): Secrets {
  const given = [password, passwordFile, tokenFile].filter((source) => source !== '');
  if (given.length > 1) throw new Refusal('give one of --password, --password-file and --token-file');
  const file = passwordFile || tokenFile;
  const secret = file === '' ? password : wordIn(file);
  return {
    ...(secret === '' ? {} : { password: secret }),
    ...(isSecure(url) ? { tls: tls === '' ? {} : tlsSecrets(tls) } : {}),
  };
}

function tlsSecrets(folder: string): NonNullable<Secrets['tls']> {
  const { own, authority } = readBundle(folder);
  return {
    ...(authority === undefined ? {} : { ca: authority }),
    ...(own ? { cert: own.certificate, key: own.key } : {}),
  };
}

/** A file's one word. */
function wordIn(path: string): string {
  const word = readSecret(path)?.trim();
  if (!word) throw new Refusal(`${path} is missing or empty: expected a password or a token in it`);
  return word;
}
