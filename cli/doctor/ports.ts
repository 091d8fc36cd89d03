import { once } from 'node:events';
import { createServer } from 'node:net';
import { exposureProblem } from '../../broker/main.js';
import { pageProblem } from '../../coordinator/main.js';
import { type Check, type Finding, note, ok, problem, type ServiceName, type Subject } from './check.js';
import { listenerOf } from './listener.js';

/** A listener of a service: the settings that say where. */
interface Port {
  service: ServiceName;
  what: string;
  host: string;
  port: number;
  flag: string;
}

/** The ports that a service listens on: free, or its own already, and not open to everybody. */
export const ports: Check = {
  listens: true,
  applies: ({ service }) => service !== 'device',
  async look(subject) {
    const all = portsOf(subject);
    if (all.length === 0) return [ok('it listens on none')];
    const found = await Promise.all(all.map((port) => look(port, subject.service === undefined)));
    const exposed = exposure(subject);
    return exposed ? [...found, problem(exposed)] : found;
  },
};

/** Why the service would not start on such an address. */
function exposure({ service, settings }: Subject): string | undefined {
  if (service === 'broker') return exposureProblem(settings);
  return service === 'coordinator' ? pageProblem(settings, settings.insecure) : undefined;
}

function portsOf({ service, settings }: Subject): Port[] {
  const { host, port, wsPort, pageHost, pagePort } = settings;
  const all: Port[] = [
    { service: 'broker', what: 'MQTT', host, port, flag: '--port' },
    { service: 'broker', what: 'MQTT over WebSocket', host, port: wsPort, flag: '--ws-port' },
    { service: 'coordinator', what: 'the live page', host: pageHost, port: pagePort, flag: '--page-port' },
  ];
  return all.filter((p) => p.port > 0 && (service === undefined || service === p.service));
}

async function look({ service, what, host, port, flag }: Port, isAnybodys: boolean): Promise<Finding> {
  const where = `port ${port} of ${host} (${what})`;
  const code = await listenCode(host, port);
  if (code === undefined) return ok(`${where} is free`);
  if (code === 'EACCES')
    return problem(`${where} may not be listened on by this user`, `give a port above 1023 with ${flag}`);
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return problem(
      `${host} is no address of this machine`,
      'give one of its own with --host: `ip address` lists them',
    );
  if (code !== 'EADDRINUSE')
    return problem(`${where} can't be listened on (${code})`, `give another with ${flag}`);
  const holder = await listenerOf(port);
  if (holder?.command.includes(`main.js ${service}`))
    return ok(`${where}: fleetune ${service} listens (process ${holder.pid})`);
  const who = holder ? `process ${holder.pid} (${holder.command.slice(0, 80)})` : 'another user’s process';
  const taken = `${where} is taken by ${who}`;
  return isAnybodys ? note(taken) : problem(taken, `stop it, or give another port with ${flag}`);
}

async function listenCode(host: string, port: number): Promise<string | undefined> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}
