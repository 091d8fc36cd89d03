import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** An arm64 board, emulated: a root folder whose programs this machine runs in namespaces of their own. */
export interface Machine {
  root: string;
  at(path: string): string;
}

export const machineOf = (root: string): Machine => ({ root, at: (path) => join(root, path) });

/** A shell with a user namespace waits until it may be root there; then mounts, emulates, and becomes the program. */
const enter = `echo entered >&3; read -r _ <&4; exec 3>&- 4<&-
exec unshare --mount sh -euc '
root=$1; shift
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount -t binfmt_misc none "$root/proc/sys/fs/binfmt_misc"
cat "$root/qemu-aarch64.conf" > "$root/proc/sys/fs/binfmt_misc/register"
mount --bind "$root/cpuinfo" "$root/proc/cpuinfo"
exec chroot "$root" "$@"
' sh "$@"`;

/**
 * Starts a program of the board, as its root. The emulation is registered in a user namespace of its own (Linux 6.7), so
 * that this machine itself is as before, and the child's id is the program's: what is sent to it goes there.
 */
export async function start(
  { root }: Machine,
  argv: readonly string[],
  env: Record<string, string> = {},
): Promise<ChildProcess> {
  const child = spawn('unshare', ['--user', 'sh', '-c', enter, 'sh', root, ...argv], {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
  });
  await once(child.stdio[3] as NodeJS.ReadableStream, 'data');
  for (const map of ['uid_map', 'gid_map']) writeFileSync(`/proc/${child.pid}/${map}`, '0 0 65536\n');
  (child.stdio[4] as NodeJS.WritableStream).end('\n');
  return child;
}

export interface Ended {
  code: number | null;
  /** Standard output and error. */
  said: string;
}

export async function ended(child: ChildProcess): Promise<Ended> {
  const [out, err, [code]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'exit'),
  ]);
  return { code, said: `${out}${err}`.trim() };
}

/** Runs a program of the board to its end. @throws Error with what it said where it fails */
export async function run(
  machine: Machine,
  argv: readonly string[],
  env?: Record<string, string>,
): Promise<string> {
  const { code, said } = await ended(await start(machine, argv, env));
  if (code !== 0) throw new Error(`${argv.join(' ')}: exit code ${code}\n${said}`);
  return said;
}
