import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { parse } from 'yaml';
import { run, tried } from './tools.js';

/** compose.yaml up with podman-compose, under a project's name and ports of its own. */
export interface Containers {
  broker: string;
  /** Runs `fleetune`, or another program of the image, inside. */
  exec(service: string, ...argv: string[]): Promise<{ code: number; out: string }>;
  inspect(service: string, format: string): string;
  logs(service: string): Promise<string>;
  /** Of a volume, on this machine. */
  folderOf(volume: string): string;
  copyOut(service: string, from: string, to: string): void;
  stop(service: string): Promise<number>;
  down(): void;
}

/** podman without systemd, as in a container or a bare virtual machine; each network has names. */
const configuration = `[network]
network_backend = "netavark"
firewall_driver = "iptables"
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
`;

export function configurePodman(folder: string): void {
  const file = join(folder, 'containers.conf');
  writeFileSync(file, configuration);
  process.env.CONTAINERS_CONF = file;
}

const setups = ['identities', 'sample-identities', 'influx-init'];

/**
 * Starts services of compose.yaml, group by group.
 * @param images in place of those that it names, by its variables
 */
export async function composeUp(
  root: string,
  project: string,
  services: readonly (readonly string[])[],
  images: Readonly<Record<string, string>>,
): Promise<Containers> {
  const [port, wsPort, caPort] = [await freePort(), await freePort(), await freePort()];
  const ports = { FLEETUNE_PORT: port, FLEETUNE_WS_PORT: wsPort, FLEETUNE_CA_PORT: caPort };
  for (const [name, value] of Object.entries(ports)) process.env[name] = String(value);
  Object.assign(process.env, images);
  const compose = (...argv: string[]) =>
    run('podman-compose', ['-p', project, '-f', join(root, 'compose.yaml'), ...argv], root);
  const nameOf = (service: string) => `${project}_${service}_1`;
  const down = () => {
    const names = services.flat().map(nameOf);
    run('podman', ['rm', '-f', '-i', '-t', '1', ...names]);
    const { volumes } = parse(readFileSync(join(root, 'compose.yaml'), 'utf8')) as { volumes: object };
    const made = Object.keys(volumes).map((name) => `${project}_${name}`);
    run('podman', ['volume', 'rm', '-f', ...made]);
    run('podman', ['network', 'rm', '-f', `${project}_default`]);
  };
  down(); // What a check that was killed left.
  for (const group of services) {
    compose('up', '-d', '--no-build', ...group);
    // podman-compose 1.0 waits for no service's end or health: those that only set something up are groups of their own.
    if (group.every((service) => setups.includes(service))) run('podman', ['wait', ...group.map(nameOf)]);
  }
  return {
    broker: `mqtts://localhost:${port}`,
    exec: (service, ...argv) => tried('podman', ['exec', nameOf(service), ...argv]),
    inspect: (service, format) => run('podman', ['inspect', '-f', format, nameOf(service)]).trim(),
    // What a service says goes to standard error.
    logs: async (service) => (await tried('sh', ['-c', `podman logs --tail 20 ${nameOf(service)} 2>&1`])).out,
    folderOf: (volume) =>
      run('podman', ['volume', 'inspect', '-f', '{{.Mountpoint}}', `${project}_${volume}`]).trim(),
    copyOut: (service, from, to) => void run('podman', ['cp', `${nameOf(service)}:${from}`, to]),
    async stop(service) {
      run('podman', ['stop', '-t', '20', nameOf(service)]);
      return Number(run('podman', ['inspect', '-f', '{{.State.ExitCode}}', nameOf(service)]));
    },
    down,
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
