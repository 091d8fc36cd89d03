import type { X509Certificate } from 'node:crypto';
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Bundle,
  bundleFiles,
  holderOf,
  parseCertificate,
  readBundle,
  textOf,
} from '../../identity/bundle.js';
import { newCertificate } from '../../identity/renewal.js';
import { type Check, type Finding, note, ok, problem, type Subject } from './check.js';
import { serverCertificate } from './server-certificate.js';

const dayMs = 86_400_000;

/** The bundle that says who a service is: files, modes, dates, names, chain, revocation; and the broker's certificate. */
export const tls: Check = {
  applies: ({ settings }) => settings.tls !== '' || /^(mqtts|wss|tls|ssl):/.test(settings.broker),
  async look(subject) {
    const { tls: folder } = subject.settings;
    const bundle: Bundle = folder === '' ? {} : readBundle(folder);
    return [
      ...(folder === ''
        ? [note('no bundle is given (--tls): the system’s roots count, and nothing says who we are')]
        : []),
      ...(bundle.own ? await ownCertificate(bundle, bundle.own.certificate, subject) : []),
      ...(bundle.own || folder === ''
        ? []
        : [
            note(
              `${folder} holds no ${bundleFiles.certificate}: others are believed by it, and it says nothing of us`,
            ),
          ]),
      ...(subject.service === 'broker' ? [] : await serverCertificate(subject.settings.broker, bundle)),
    ];
  },
};

async function ownCertificate({ authority }: Bundle, pem: string, subject: Subject): Promise<Finding[]> {
  const { tls: folder, authority: renewal } = subject.settings;
  const own = parseCertificate(pem, join(folder, bundleFiles.certificate));
  const renew =
    renewal === ''
      ? 'set --authority so that it renews itself, or provision or enrol it again'
      : `see why ${renewal} did not renew it: fleetune renew`;
  return [
    named(own, subject),
    lifetime('its certificate', own, { ending: renew, ended: newCertificate }, renewal !== ''),
    ...(authority === undefined
      ? []
      : chained(own, parseCertificate(authority, join(folder, bundleFiles.authority)))),
    ...(await revocation(own, authority, subject)),
    ...(renewal === '' ? [] : [await renewable(folder)]),
  ];
}

function named(certificate: X509Certificate, { service, settings }: Subject): Finding {
  const { name, role } = holderOf(certificate);
  const hosts = certificate.subjectAltName ? `, for ${certificate.subjectAltName}` : '';
  const what = `${settings.tls} is of ${role ?? 'nobody'} ${name}${hosts}`;
  if (service !== undefined && role !== service)
    return problem(`${what}, expected a ${service}`, `fleetune provision NAME --role ${service}`);
  if (service === 'device' && name !== settings.id)
    return problem(
      `${what}, but the device is ${settings.id}`,
      `give --id ${name}, or the bundle of ${settings.id}`,
    );
  return ok(what);
}

/** @param renews by itself: then its end is near only where that did not work */
function lifetime(
  whose: string,
  certificate: X509Certificate,
  remedies: { ending: string; ended: string },
  renews: boolean,
): Finding {
  const [fromMs, toMs] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
  const nowMs = Date.now();
  const left = Math.floor((toMs - nowMs) / dayMs);
  if (nowMs < fromMs)
    return problem(
      `${whose} is not valid before ${new Date(fromMs).toISOString()}`,
      'set this machine’s clock',
    );
  if (nowMs > toMs) return problem(`${whose} ended ${new Date(toMs).toISOString()}`, remedies.ended);
  const what = `${whose} is valid for ${left} more ${left === 1 ? 'day' : 'days'}`;
  return (toMs - nowMs) / (toMs - fromMs) < (renews ? 0.2 : 0.1) ? note(what, remedies.ending) : ok(what);
}

const anew = 'make a new authority, and provision all';

function chained(own: X509Certificate, authority: X509Certificate): Finding[] {
  const signed = own.checkIssued(authority) && own.verify(authority.publicKey);
  if (!signed)
    return [
      problem(
        `its certificate is not signed by its ${bundleFiles.authority}`,
        'give both files of one bundle',
      ),
    ];
  return [lifetime('signed by its authority, which', authority, { ending: anew, ended: anew }, false)];
}

/** A broker has the list itself; of others the authority tells it, where its address is known. */
async function revocation(
  own: X509Certificate,
  authority: string | undefined,
  { service, settings }: Subject,
): Promise<Finding[]> {
  const isBroker = service === 'broker';
  if (authority === undefined || (isBroker ? settings.crl : settings.authority) === '')
    return isBroker
      ? [note('no list of revoked certificates (--crl): a stolen one counts until it ends')]
      : [];
  const { plainSerial, readCrl } = await import('../../identity/x509.js');
  const { fetchRevoked } = await import('../../identity/authority-client.js');
  try {
    const list = isBroker ? textOf(settings.crl) : await fetchRevoked(settings.authority, authority);
    if (list === undefined)
      return [
        problem(`${settings.crl} (--crl) is missing`, 'copy crl.pem of the authority’s public folder there'),
      ];
    const revoked = (await readCrl(list, authority)).map(({ serial }) => serial);
    if (revoked.includes(plainSerial(own.serialNumber)))
      return [
        problem('its certificate is revoked', 'a new one lets it in again: fleetune provision, or a claim'),
      ];
    return [ok(`not revoked; certificates in the list: ${revoked.length}`)];
  } catch (error) {
    const { message } = error as Error;
    if (isBroker)
      return [
        problem(`${settings.crl} (--crl): ${message}`, 'copy crl.pem of the authority’s public folder there'),
      ];
    return [
      note(
        `whether it is revoked could not be asked: ${message}`,
        'look at --authority; renewal needs it too',
      ),
    ];
  }
}

async function renewable(folder: string): Promise<Finding> {
  const closed = await access(folder, constants.W_OK | constants.X_OK).catch(
    (error: NodeJS.ErrnoException) => error.code,
  );
  return closed === undefined
    ? ok('it can be renewed: the folder can be written')
    : problem(
        `${folder} can't be written (${closed}), so it can't be renewed`,
        'give the folder to the service’s user',
      );
}
