import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { Refusal } from '../schemas/refusal.js';
import { closureOf, nameOf, readLock } from './lock.js';
import { reachOf } from './reach.js';
import { type ServiceName, services } from './services.js';

/** Linux architectures, by Node's names, for which onnxruntime-node brings a library. */
export const architectures = ['x64', 'arm64'] as const;
export type Architecture = (typeof architectures)[number];

export interface PackRequest {
  /** A built checkout: node_modules as `npm ci` installs it, and dist/. It is only read. */
  root: string;
  service: ServiceName;
  arch: Architecture;
  /** Where the service's folder is made; must not exist, or be empty. */
  out: string;
}

/** What a service is made of. Paths from the root. */
export interface Parts {
  modules: string[];
  assets: string[];
  /** Folders of packages, as node_modules/ws. */
  packages: string[];
}

const entry = 'dist/cli/main.js';

/** @throws Refusal where the checkout is not built */
export function partsOf(root: string, service: ServiceName): Parts {
  const built = existsSync(join(root, entry)) && existsSync(join(root, 'node_modules'));
  if (!built) throw new Refusal(`${root} is not built: run npm run build there first`);
  const { commands } = services[service];
  const { modules, libraries, assets } = reachOf(root, entry, [...new Set(Object.values(commands).flat())]);
  const packages = closureOf(readLock(root), libraries, (folder) => existsSync(join(root, folder)));
  return { modules, assets, packages };
}

/**
 * Makes a folder that holds one service and nothing else: the modules that it reaches, the packages that they
 * need with the native library of one architecture, and a package.json that names its commands. It runs with
 * `node dist/cli/main.js`, from any place and by any user.
 * @throws Refusal where the checkout is not built or the folder is in use
 */
export function pack({ root, service, arch, out }: PackRequest): Parts {
  if (existsSync(out) && readdirSync(out).length > 0)
    throw new Refusal(`${out} is not empty: give a new folder`);
  const parts = partsOf(root, service);
  for (const path of [...parts.modules, ...parts.assets, 'LICENSE']) copy(root, out, path);
  for (const folder of parts.packages)
    cpSync(join(root, folder), join(out, folder), {
      recursive: true,
      filter: (path) => isWanted(relative(join(root, folder), path), arch),
    });
  chmodSync(join(out, entry), 0o755);
  writeFileSync(join(out, 'package.json'), `${JSON.stringify(manifest(root, service, parts), null, 2)}\n`);
  return parts;
}

/** Of a package's files, what can be loaded on that machine; its licence stays, whatever it is called. */
export function isWanted(path: string, arch: Architecture): boolean {
  if (/(^|\/)node_modules$/.test(path)) return false; // Its own packages are parts of their own.
  const native = /^bin\/napi-v\d+\/(\w+)(?:\/(\w+))?/.exec(path);
  if (native) return native[1] === 'linux' && (native[2] ?? arch) === arch;
  return !/\.(?:[cm]?ts|map|tsbuildinfo)$/.test(path);
}

function copy(root: string, out: string, path: string): void {
  mkdirSync(dirname(join(out, path)), { recursive: true });
  cpSync(join(root, path), join(out, path), { recursive: true });
}

/** `fleetune.commands` is what `fleetune help` lists there, and what it says of the others. */
function manifest(root: string, service: ServiceName, { packages }: Parts): Record<string, unknown> {
  const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, unknown>;
  const { name, version, description, license, type, bin, engines, dependencies } = own;
  const packed = new Set(packages.map(nameOf));
  const needed = Object.entries(dependencies as Record<string, string>).filter(([name]) => packed.has(name));
  return {
    ...{ name, version, description, license, private: true, type, bin, engines },
    dependencies: Object.fromEntries(needed),
    fleetune: { service, commands: Object.keys(services[service].commands) },
  };
}
