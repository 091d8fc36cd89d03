import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { mosquittoAcl } from '../../broker/acl.js';
import { bundleFiles } from '../../identity/bundle.js';
import { makeTestAuthority } from '../identity/authority-rig.js';
import type { CheckedBroker } from './access-check.js';
import { certified } from './checked-brokers.js';
import type { Ends } from './rig.js';

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

/**
 * A real Mosquitto with the rendered rules, set up as the head of the file says: everybody is who their certificate
 * says. Two users of the test hear all. Stopped after the test.
 */
export async function startMosquitto(
  t: Ends,
  changed: (acl: string) => string = (acl) => acl,
): Promise<CheckedBroker> {
  const { folder, bundle } = await makeTestAuthority(t);
  const server = await bundle('broker', 'server');
  const witnesses = ['witness', 'late-witness'];
  const login = await certified(bundle, witnesses);
  const people = { coordinator: ['coordinator'], operator: ['operator'], viewer: ['viewer'] };
  const seeAll = witnesses.map((name) => `\nuser ${name}\ntopic readwrite #\n`).join('');
  await writeFile(join(folder, 'acl'), changed(mosquittoAcl(people, '+')) + seeAll);
  const port = await freePort();
  const config = [
    `listener ${port} 127.0.0.1`,
    `certfile ${join(server, bundleFiles.certificate)}`,
    `keyfile ${join(server, bundleFiles.key)}`,
    `cafile ${join(server, bundleFiles.authority)}`,
    ...['require_certificate true', 'set_tcp_nodelay true'],
    ...['allow_anonymous false', 'use_identity_as_username true', 'use_username_as_clientid true'],
    `acl_file ${join(folder, 'acl')}`,
    `user ${userInfo().username}`, // As root it would become another, who may not read the folder.
    ...['persistence false', 'sys_interval 1', 'log_type error', 'log_type warning', ''],
  ];
  await writeFile(join(folder, 'mosquitto.conf'), config.join('\n'));
  const child = spawn(program!, ['-c', join(folder, 'mosquitto.conf')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit');
  t.after(() => {
    child.kill();
    return ended;
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (piece) => {
      said += piece;
    });
  await listening(port, () => {
    if (child.exitCode !== null) throw new Error(`mosquitto did not start: ${said}`);
  });
  return {
    name: 'mosquitto with the rendered rules, certificates',
    url: `mqtts://127.0.0.1:${port}`,
    login,
    witnesses: [login('viewer', 'witness'), login('viewer', 'late-witness')],
    tells: ['publish', 'receive'],
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

async function listening(port: number, requireAlive: () => void): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (open) return;
    requireAlive();
    await pause(20);
  }
}
