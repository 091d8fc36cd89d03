import { randomBytes } from 'node:crypto';
import { reachOf } from '../../broker/client.js';
import { type Probe, probeBroker } from '../../broker/probe.js';
import { topicsOf } from '../../schemas/topics.js';
import { type Check, type Finding, missing, note, ok, problem, type Subject } from './check.js';

const limitMs = 3_000;
/** CONNACK: not authorized [MQTT 3.1.1, 3.2.2.3]. */
const notAuthorized = 5;

/** How we come to the broker. */
interface Visit {
  role: 'device' | 'coordinator' | 'operator';
  username: string;
  /** Of a device, which then must come with its own id. */
  proof: 'certificate' | 'password' | undefined;
}

/** The broker that a service connects to: there, lets it in, and which it is. */
export const broker: Check = {
  applies: ({ service }) => service !== 'broker',
  async look(subject) {
    const { settings, service } = subject;
    const role = service === 'device' || service === 'coordinator' ? service : 'operator';
    const { url, username, secrets } = reachOf(
      settings,
      role === 'device' ? { role, id: settings.id } : { role },
    );
    if (/^wss?:/.test(url)) return [await overWebSocket(url)];
    const { password, tls } = secrets?.() ?? {};
    // Not under its own id: a service that runs would be cut.
    const clientId = `doctor-${randomBytes(4).toString('hex')}`;
    const topics = topicsOf(settings.fleet);
    // The broker knows a device by its whole client id, so the filter is of that of the second connection.
    const filter = role === 'device' ? topics.task(`${clientId}-4`) : topics.roundsStatus;
    const probe = await probeBroker({ url, clientId, username, password, tls, filter, limitMs });
    const proof = tls?.cert !== undefined ? 'certificate' : password === undefined ? undefined : 'password';
    return told(probe, url, { role, username, proof }, subject);
  },
};

function told(probe: Probe, url: string, { role, username, proof }: Visit, subject: Subject): Finding[] {
  switch (probe.state) {
    case 'unreachable':
      return [
        missing(subject, 'broker')(`no broker answers at ${url}: ${probe.reason}`, unreachable(probe.code)),
      ];
    case 'refused': {
      const { reason, code } = probe;
      if (role === 'device' && proof && code === notAuthorized) {
        const known = `${url}: `;
        if (proof === 'certificate')
          return [
            ok(
              `${known}it takes the certificate; only the device itself may use its id, so no more was asked`,
            ),
          ];
        return [
          note(`${known}whether it takes the password was not asked: only the device itself may use its id`),
        ];
      }
      const remedies = {
        certificate: 'is it revoked, or of another authority? The broker’s log says why',
        password: 'look at name and password; the broker’s log says why',
        none: 'give a certificate (--tls) or a password; the broker’s log says why',
      };
      return [problem(`${url} does not let us in as ${username}: ${reason}`, remedies[proof ?? 'none'])];
    }
    case 'in': {
      const what = ok(`${url}: ${probe.kind}; speaks MQTT ${probe.speaks.join(', ')}`);
      if (probe.subscribes) return [what];
      return [
        what,
        problem(
          `a ${role} may not subscribe there`,
          'give it the rights of docs/access.md: `fleetune access` writes them',
        ),
      ];
    }
  }
}

function unreachable(code: string): string {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return 'its name is not known here: look at --broker and at DNS';
  if (code === 'ECONNREFUSED') return 'start one with `fleetune broker`, or give its address with --broker';
  if (code === 'ETIMEDOUT' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH')
    return 'nothing comes back: look at the network, and at the firewall of the broker’s machine';
  return 'look at --broker, at what `tls` says, and at the broker’s log';
}

/** A listener of WebSockets answers a plain request with 426, Upgrade Required. */
async function overWebSocket(url: string): Promise<Finding> {
  if (url.startsWith('wss:'))
    return note(`${url}: over WebSocket and TLS only its certificate was looked at`);
  try {
    const { status } = await fetch(url.replace(/^ws/, 'http'), { signal: AbortSignal.timeout(limitMs) });
    if (status === 426)
      return ok(`${url}: a WebSocket listener answers; which broker it is, is not asked there`);
    return problem(
      `${url} answers ${status}, no WebSocket listener’s 426`,
      'give the port of MQTT over WebSocket',
    );
  } catch (error) {
    const { code = '', message = '' } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
    return problem(`no broker answers at ${url}: ${message || code}`, unreachable(code));
  }
}
