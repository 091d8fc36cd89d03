import { join } from 'node:path';
import { bundleFiles, readBundle, textOf } from '../identity/bundle.js';
import { type PasswordEntry, readPasswordFile } from '../identity/password-file.js';
import type { ServerSecrets } from '../identity/peer-certificate.js';
import { readTokenKey, type TokenRules } from '../identity/token.js';
import { Refusal } from '../schemas/refusal.js';
import type { SettingTable } from '../schemas/settings.js';

export const gateSettings = {
  tls: {
    kind: 'text',
    default: '',
    help: 'folder with tls.crt, tls.key and ca.crt: both listeners speak TLS and ask for certificates',
  },
  crl: {
    kind: 'text',
    default: '',
    help: 'file of revoked certificates, or its URL at the authority: who is in it is cut; none: that of --authority',
  },
  passwords: {
    kind: 'text',
    default: '',
    help: 'file of names, roles and password hashes, watched: fleetune password writes it',
  },
  jwtKey: { kind: 'text', default: '', help: 'public key, PEM, of tokens (JWT) that are taken as passwords' },
  jwtIssuer: { kind: 'text', default: '', help: 'that a token must name; none: any' },
  jwtAudience: { kind: 'text', default: '', help: 'that a token must name; none: any' },
} satisfies SettingTable;

export type GateSettings = { readonly [K in keyof typeof gateSettings]: string };

/** Peers are known by nothing, as on loopback. */
export const noGate: GateSettings = {
  ...{ tls: '', crl: '', passwords: '' },
  ...{ jwtKey: '', jwtIssuer: '', jwtAudience: '' },
};

/** By what peers are known; all of it can change while the broker runs. */
export interface GateRules {
  secrets?: ServerSecrets;
  /** Serial numbers. */
  revoked: ReadonlySet<string>;
  passwords?: ReadonlyMap<string, PasswordEntry>;
  token?: TokenRules;
}

/** @throws Refusal for files that are missing, damaged, readable by others, or that don't belong together */
export async function readRules(settings: GateSettings): Promise<GateRules> {
  const { tls, crl, passwords, jwtKey, jwtIssuer: issuer, jwtAudience: audience } = settings;
  const secrets = tls === '' ? undefined : readServerSecrets(tls);
  const rules: GateRules = {
    ...(secrets ? { secrets } : {}),
    revoked: crl === '' ? new Set() : await readRevoked(crl, secrets?.authority),
    ...(passwords === '' ? {} : { passwords: readPasswordFile(passwords) }),
    ...(jwtKey === '' ? {} : { token: { key: readTokenKey(jwtKey), issuer, audience } }),
  };
  if (secrets && !secrets.authority && !rules.passwords && !rules.token)
    throw new Refusal(
      `${tls} (--tls) has no ${bundleFiles.authority}, so nobody can be known by a certificate: ` +
        'add it, or give --passwords or --jwt-key',
    );
  return rules;
}

/** The files that readRules reads. */
export function filesOf({ tls, crl, passwords, jwtKey }: GateSettings): string[] {
  const bundle = tls === '' ? [] : Object.values(bundleFiles).map((file) => join(tls, file));
  return [...bundle, ...[crl, passwords, jwtKey].filter((path) => path !== '')];
}

function readServerSecrets(folder: string): ServerSecrets {
  const { own, authority } = readBundle(folder);
  if (!own)
    throw new Refusal(`${join(folder, bundleFiles.certificate)} is missing: a broker needs one for TLS`);
  return { ...own, ...(authority === undefined ? {} : { authority }) };
}

async function readRevoked(path: string, authority: string | undefined): Promise<ReadonlySet<string>> {
  if (authority === undefined)
    throw new Refusal('--crl is given without the authority that signs it: --tls with ca.crt');
  const pem = textOf(path);
  if (pem === undefined)
    throw new Refusal(
      `${path} (--crl) is missing: where it is in the authority’s folder, \`fleetune ca list\` writes it anew; ` +
        'else copy it from there',
    );
  const { readCrl } = await import('../identity/x509.js'); // 20 MB that a broker on loopback needs not.
  try {
    return new Set((await readCrl(pem, authority)).map(({ serial }) => serial));
  } catch (cause) {
    throw cause instanceof Refusal ? new Refusal(`${path} (--crl): ${cause.message}`) : cause;
  }
}
