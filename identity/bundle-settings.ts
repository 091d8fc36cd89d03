import type { CertificateRole } from '../schemas/roles.js';

/** What a bundle says to the service that it is for. */
export interface BundleSettings {
  role: CertificateRole | undefined;
  name: string;
  /** Where the bundle lies, on the machine of the service. */
  tls: string;
  /** '' where it is not known. */
  authority: string;
  broker: string;
  fleet: string;
  /** The authority's list of revoked certificates, for a broker. */
  crl?: string;
}

/** A file for --config: what the service needs of it, and no key that it does not know. */
export function settingsFile({ role, name, tls, authority, broker, fleet, crl }: BundleSettings): string {
  const reach = { ...(broker === '' ? {} : { broker }), ...(fleet === '' ? {} : { fleet }) };
  const renewal = authority === '' ? {} : { authority };
  const settings =
    role === 'broker'
      ? { tls, ...(crl === undefined ? {} : { crl }), ...renewal, host: '0.0.0.0', port: 8883 }
      : role === 'device'
        ? { id: name, ...reach, tls, ...renewal }
        : { ...reach, tls, ...renewal };
  // JSON's scalars are YAML's.
  return Object.entries(settings)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
    .join('');
}
