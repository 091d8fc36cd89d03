import { isIP } from 'node:net';
import { checkServerIdentity, connect, type PeerCertificate } from 'node:tls';
import type { Bundle } from '../../identity/bundle.js';
import { newCertificate } from '../../identity/renewal.js';
import { type Finding, note, ok, problem } from './check.js';

const limitMs = 3_000;
const dayMs = 86_400_000;

/** What a broker shows in the handshake, as a client of this bundle judges it. */
export async function serverCertificate(broker: string, { authority, own }: Bundle): Promise<Finding[]> {
  const { hostname, port, protocol } = new URL(broker);
  if (!/^(mqtts|wss|tls|ssl):$/.test(protocol)) return [];
  const host = hostname.replace(/^\[|\]$/g, '');
  const show = own ? { cert: own.certificate, key: own.key } : {};
  const trust = authority === undefined ? {} : { ca: authority };
  return new Promise((resolve) => {
    const socket = connect({
      ...{
        host,
        port: Number(port || (protocol === 'wss:' ? 443 : 8883)),
        ...(isIP(host) ? {} : { servername: host }),
      },
      ...{ ...show, ...trust, rejectUnauthorized: false, minVersion: 'TLSv1.2' },
    });
    const end = (...findings: Finding[]) => {
      socket.destroy();
      resolve(findings);
    };
    socket.setTimeout(limitMs, () => end(note('the broker’s certificate: no answer')));
    socket.once('secureConnect', () => {
      const wrong = socket.authorized ? undefined : String(socket.authorizationError);
      end(judged(host, socket.getPeerCertificate(), wrong));
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (/WRONG_VERSION|packet length|before secure TLS/i.test(`${error.code} ${error.message}`))
        return end(
          problem(
            'the broker at that port speaks no TLS, or ends it at once',
            'give the port of mqtts; its log says more',
          ),
        );
      end(note(`the broker’s certificate could not be seen: ${error.message}`)); // The broker’s own check says more.
    });
  });
}

function judged(host: string, certificate: PeerCertificate, wrong: string | undefined): Finding {
  const until = new Date(certificate.valid_to);
  const name = certificate.subjectaltname ?? certificate.subject?.CN ?? 'nobody';
  const misnamed = checkServerIdentity(host, certificate);
  if (wrong?.includes('EXPIRED'))
    return problem(`the broker’s certificate ended ${until.toISOString()}`, newCertificate);
  if (wrong === 'CERT_NOT_YET_VALID')
    return problem('the broker’s certificate is not valid yet', 'set this machine’s clock');
  if (wrong !== undefined && !misnamed)
    return problem(
      `the broker’s certificate is not of our authority (${wrong})`,
      'give the ca.crt of that broker’s authority (--tls), or the address of our own broker',
    );
  if (misnamed)
    return problem(
      `the broker’s certificate is for ${name}, not for ${host}`,
      'give the address that it is for, or provision the broker with --hosts of this one',
    );
  return ok(
    `the broker’s certificate is for ${name}, valid for ${Math.floor((until.getTime() - Date.now()) / dayMs)} more days`,
  );
}
