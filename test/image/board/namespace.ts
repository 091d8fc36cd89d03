import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';

/** Waits as nobody in a user namespace until it may be root there, then becomes the words; it ends with the check. */
const gate = 'echo entered >&3; read -r _ <&4; exec 3>&- 4<&-; exec setpriv --pdeathsig KILL "$@"';

/** Registers the emulation of arm64, which is then that of this user namespace alone (Linux 6.7). */
export const emulate = `
mount -t binfmt_misc none "$root/proc/sys/fs/binfmt_misc"
cat "$root/qemu-aarch64.conf" > "$root/proc/sys/fs/binfmt_misc/register"
mount --bind "$root/cpuinfo" "$root/proc/cpuinfo"
`;

/**
 * Starts a program as root of a user namespace of its own, whose users are this machine's. Its id is that of the child, as
 * long as each program becomes the next.
 * @param admit is told of the process before it may go on
 */
export async function inNamespace(
  argv: readonly string[],
  env: Record<string, string>,
  admit: (pid: number) => void = () => {},
): Promise<ChildProcess> {
  const child = spawn('unshare', ['--user', 'sh', '-c', gate, 'sh', ...argv], {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
  });
  await once(child.stdio[3] as NodeJS.ReadableStream, 'data');
  admit(child.pid!);
  for (const map of ['uid_map', 'gid_map']) writeFileSync(`/proc/${child.pid}/${map}`, '0 0 65536\n');
  (child.stdio[4] as NodeJS.WritableStream).end('\n');
  return child;
}
