import { type ChildProcess, execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { emulate, inNamespace } from './namespace.js';
import { familyOf } from './workplace.js';

/** A system that runs: a systemd with everything that it started. */
export interface Booted {
  /** A command within it. @throws Error where it fails */
  run(...argv: string[]): string;
  stop(): Promise<void>;
}

const script = `root=$1
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
${emulate}
mount --rbind /sys "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for folder in run tmp dev; do mount -t tmpfs tmpfs "$root/$folder"; done
for name in null zero full random urandom tty; do
  touch "$root/dev/$name"
  mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir "$root/dev/pts" "$root/dev/shm"
ln -s /proc/self/fd "$root/dev/fd"
ln -s pts/ptmx "$root/dev/ptmx"
cd "$root"
pivot_root . mnt
umount -l /mnt
exec /lib/systemd/systemd --log-target=null --show-status=0
`;

/** Boots a root folder: systemd as the first process of namespaces of its own, which end with it. */
export async function boot(root: string): Promise<Booted> {
  const group = join(unifiedGroups(), `fleetune-board-${process.pid}`);
  mkdirSync(group, { recursive: true });
  const spaces = ['--mount', '--pid', '--fork', '--kill-child', '--cgroup', '--uts', '--ipc'];
  const child = await inNamespace(
    ['unshare', ...spaces, 'sh', '-euc', script, 'sh', root],
    { container: 'board' },
    (pid) => writeFileSync(join(group, 'cgroup.procs'), String(pid)),
  );
  child.stdout!.resume();
  const first = await firstProcess(child);
  const into = ['-t', String(first), '-U', '-m', '-p', '-C', '-u', '-i', '-r', '-w'];
  return {
    run: (...argv) => execFileSync('nsenter', [...into, ...argv], { encoding: 'utf8', stdio: 'pipe' }).trim(),
    async stop() {
      process.kill(first, 'SIGKILL'); // All of its namespace end with it.
      while (familyOf(child.pid!).length > 1) await pause(20);
      removeGroup(group);
    },
  };
}

/** systemd's own id, when it is that: until then the process is a shell that mounts. */
async function firstProcess(child: ChildProcess): Promise<number> {
  let said = '';
  child.stderr!.on('data', (piece) => {
    said += piece;
  });
  for (;;) {
    const [, first] = familyOf(child.pid!);
    if (first && readFileSync(`/proc/${first}/comm`, 'utf8') === 'systemd\n') return first;
    if (child.exitCode !== null) throw new Error(`nothing booted: ${said}`);
    await pause(20);
  }
}

/** Where the kernel's unified control groups are. */
function unifiedGroups(): string {
  const line = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .find((mount) => mount.split(' ')[2] === 'cgroup2');
  if (!line) throw new Error('no cgroup2 is mounted here, which systemd stands on');
  return line.split(' ')[1]!;
}

function removeGroup(group: string): void {
  for (const entry of readdirSync(group, { withFileTypes: true }))
    if (entry.isDirectory()) removeGroup(join(group, entry.name));
  rmdirSync(group);
}
