import { randomBytes } from 'node:crypto';
import { type Probe, probeBroker } from '../../broker/probe.js';
import { topicsOf } from '../../schemas/topics.js';
import { type Check, type Finding, missing, ok, problem, type Subject } from './check.js';

const limitMs = 3_000;

/** The broker that a service connects to: there, lets it in, and which it is. */
export const broker: Check = {
  applies: ({ service }) => service !== 'broker',
  async look(subject) {
    const { settings, service } = subject;
    const { broker: url, password, fleet } = settings;
    if (/^wss?:/.test(url)) return [await overWebSocket(url)];
    // Not under its own id: a service that runs would be cut.
    const clientId = `doctor-${randomBytes(4).toString('hex')}`;
    const role = service === 'device' || service === 'coordinator' ? service : 'operator';
    const topics = topicsOf(fleet);
    // The broker knows a device by its whole client id, so the filter is of that of the second connection.
    const filter = role === 'device' ? topics.task(`${clientId}-4`) : topics.roundsStatus;
    const secret = password === '' ? undefined : password;
    const probe = await probeBroker({ url, clientId, username: role, password: secret, filter, limitMs });
    return told(probe, url, role, subject);
  },
};

function told(probe: Probe, url: string, role: string, subject: Subject): Finding[] {
  switch (probe.state) {
    case 'unreachable':
      return [
        missing(subject, 'broker')(`no broker answers at ${url}: ${probe.reason}`, unreachable(probe.code)),
      ];
    case 'refused':
      return [
        problem(
          `${url} does not let us in as ${role}: ${probe.reason}`,
          'give its password with --password, or look at the broker’s log for why',
        ),
      ];
    case 'in': {
      const what = `${url}: ${probe.kind}; speaks MQTT ${probe.speaks.join(', ')}`;
      if (probe.subscribes) return [ok(what)];
      return [
        ok(what),
        problem(`a ${role} may not subscribe there`, 'give it the rights that docs/security.md lists'),
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
  return 'look at --broker, and at the broker’s log';
}

/** A listener of WebSockets answers a plain request with 426, Upgrade Required. */
async function overWebSocket(url: string): Promise<Finding> {
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
