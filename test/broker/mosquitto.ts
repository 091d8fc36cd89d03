import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { mosquittoAcl } from '../../broker/acl.js';
import type { CheckedBroker } from './access-check.js';

const program = ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto', 'mosquitto'].find(runs);

/** Why no Mosquitto can be run here; undefined where one can. */
export const missingMosquitto = program
  ? undefined
  : "mosquitto isn't installed (Debian: apt-get install mosquitto)";

function runs(path: string): boolean {
  try {
    execFileSync(path, ['-h'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    return (
      (error as { status?: number }).status !== undefined && (error as { status?: number }).status !== null
    );
  }
}

/** Runs work with a real Mosquitto that has the rendered rules, and a user of the test who hears all. */
export async function withMosquitto<T>(
  work: (broker: CheckedBroker) => Promise<T>,
  changed: (acl: string) => string = (acl) => acl,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-mosquitto-'));
  const port = await freePort();
  const people = { coordinator: ['coordinator'], operator: ['operator'], viewer: ['viewer'] };
  const witnesses = ['witness', 'late-witness'];
  const acl = `${changed(mosquittoAcl(people, '+'))}\n${witnesses.map((name) => `user ${name}\ntopic readwrite #\n`).join('')}`;
  await writeFile(join(folder, 'acl'), acl);
  const config = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true', // Nobody proves anything here: the user name is believed, as a certificate's CN would be.
    'use_username_as_clientid true',
    `acl_file ${join(folder, 'acl')}`,
    `user ${userInfo().username}`, // As root it would become another, who may not read the folder.
    'persistence false',
    'sys_interval 1',
    'log_type error',
    'log_type warning',
    '',
  ];
  await writeFile(join(folder, 'mosquitto.conf'), config.join('\n'));
  const child = spawn(program!, ['-c', join(folder, 'mosquitto.conf')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (piece) => {
      said += piece;
    });
  try {
    await listening(
      port,
      () => child.exitCode === null,
      () => said,
    );
    return await work({
      name: 'mosquitto',
      url: `mqtt://127.0.0.1:${port}`,
      login: (role, id) => ({ username: id, clientId: id === role ? `${id}-client` : id }),
      witness: { username: 'witness', clientId: 'witness' },
      lateWitness: { username: 'late-witness', clientId: 'late-witness' },
      tells: ['publish', 'receive'],
    });
  } finally {
    const ended = child.exitCode === null ? once(child, 'exit') : undefined;
    child.kill();
    await ended;
    await rm(folder, { recursive: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

async function listening(port: number, alive: () => boolean, said: () => string): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const open = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'close').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (open) return;
    if (!alive()) throw new Error(`mosquitto did not start: ${said()}`);
    await pause(20);
  }
}
