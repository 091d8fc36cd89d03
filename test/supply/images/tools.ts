import { execFile, execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

/** Program → the Debian package that brings it. */
export const tools = {
  buildah: 'buildah',
  podman: 'podman',
  runc: 'runc',
  'podman-compose': 'podman-compose',
  netavark: 'netavark',
  iptables: 'iptables',
  'aardvark-dns': 'aardvark-dns',
  debootstrap: 'debootstrap',
  'apt-get': 'apt',
  'dpkg-deb': 'dpkg',
} as const;

/** Where podman looks for its own. */
const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/lib/podman'];

export function isThere(program: string): boolean {
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Packages to install, in one line; empty where nothing is missing. */
export const missingPackages = (has: (program: string) => boolean) =>
  Object.entries(tools)
    .filter(([program]) => !has(program))
    .map(([, debian]) => debian);

const maxBytes = 64 * 2 ** 20;

/** Runs a program to its end. @throws with the end of what it said where it fails */
export function run(program: string, argv: readonly string[], cwd?: string): string {
  try {
    return execFileSync(program, argv, {
      ...(cwd === undefined ? {} : { cwd }),
      encoding: 'utf8',
      maxBuffer: maxBytes,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (cause) {
    const { stdout = '', stderr = '' } = cause as { stdout?: string; stderr?: string };
    const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-15).join('\n');
    throw new Error(`${program} ${argv.slice(0, 4).join(' ')} … failed:\n${said}`);
  }
}

/** As run, but answers the exit code and does not mind it. */
export async function tried(
  program: string,
  argv: readonly string[],
): Promise<{ code: number; out: string }> {
  try {
    const { stdout } = await promisify(execFile)(program, argv, { maxBuffer: maxBytes });
    return { code: 0, out: stdout };
  } catch (cause) {
    const { code, stdout = '', stderr = '' } = cause as { code?: number; stdout?: string; stderr?: string };
    return { code: typeof code === 'number' ? code : 1, out: `${stdout}${stderr}` };
  }
}

/** Elf header: e_machine at 18, little endian. https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html */
export function machineOf(file: Uint8Array): 'amd64' | 'arm64' | 'other' | 'no ELF' {
  const [a, b, c, d] = file;
  if (a !== 0x7f || b !== 0x45 || c !== 0x4c || d !== 0x46) return 'no ELF';
  const machine = file[18]! + 256 * file[19]!;
  return machine === 62 ? 'amd64' : machine === 183 ? 'arm64' : 'other';
}
