import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { entry, fleetune } from '../../cli/command.js';

/** A fleet on this machine that the board is to become a member of: authority, broker, coordinator, operator. */
export interface Fleet {
  /** File of a claim for a device of that name. */
  claim(name: string): Promise<string>;
  /** A command of the operator. @throws Error with what it said where it fails */
  operate(...argv: string[]): Promise<string>;
  stop(): Promise<void>;
}

/** Starts it in a folder, with TLS, certificates and all as docs/security.md has it. */
export async function startFleet(folder: string): Promise<Fleet> {
  const at = (name: string) => join(folder, name);
  const [brokerPort, authorityPort] = [await freePort(), await freePort()];
  const broker = `mqtts://127.0.0.1:${brokerPort}`;
  const authority = `https://127.0.0.1:${authorityPort}`;
  const ca = ['--ca', at('ca')];
  const services: ChildProcess[] = [];
  const serve = async (...argv: string[]) => {
    const child = spawn(process.execPath, [entry, ...argv], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    let said = '';
    child.stderr!.on('data', (piece) => {
      said += piece;
    });
    services.push(child);
    const [what] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
    if (typeof what !== 'object') throw new Error(`${argv[0]} ended: ${said}`);
  };
  const member = (name: string, role: string, ...more: string[]) =>
    told('provision', name, '--role', role, ...ca, '--broker', broker, '--out', at(name), ...more);
  await told('ca', 'init', ...ca);
  await member('server', 'broker', '--hosts', '127.0.0.1');
  await member('main', 'coordinator');
  await member('ana', 'operator');
  const here = ['--hosts', '127.0.0.1', '--host', '127.0.0.1'];
  await serve('ca', 'serve', ...ca, ...here, '--port', String(authorityPort), '--broker', broker);
  const tls = ['--config', at('server/broker.yaml')];
  await serve('broker', ...tls, '--host', '127.0.0.1', '--port', String(brokerPort), '--ws-port', '-1');
  await serve('coordinator', '--config', at('main/coordinator.yaml'), '--runs', at('runs'));
  return {
    async claim(name) {
      await told('claim', name, ...ca, '--authority', authority, '--out', at(`${name}.claim`));
      return at(`${name}.claim`);
    },
    operate: (...argv) => told(...argv, '--config', at('ana/operator.yaml')),
    async stop() {
      await Promise.all(services.reverse().map((child) => stopped(child)));
    },
  };
}

/** Runs `fleetune` to its end. @throws Error with what it said where it fails */
export async function told(...argv: string[]): Promise<string> {
  const { code, out, err } = await fleetune(argv);
  if (code !== 0) throw new Error(`fleetune ${argv.join(' ')}: exit code ${code}\n${out}${err}`);
  return out.trim();
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const end = once(child, 'exit');
  child.kill('SIGTERM');
  await end;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as import('node:net').AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
