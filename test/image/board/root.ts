import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** Debian packages of a board without anything of ours; what they need comes with them. */
const packages = [
  ...['dash', 'bash', 'coreutils', 'findutils', 'sed', 'grep', 'dpkg', 'tar', 'perl-base', 'util-linux'],
  ...['diffutils', 'libc-bin', 'libstdc++6', 'init-system-helpers', 'systemd'],
];

/** An arm64 processor as the emulation shows it; onnxruntime can't read the one of a PC. */
const processor = `BogoMIPS\t: 62.50
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd42
CPU revision\t: 1
`;

/**
 * The root file system of a bare Debian board: fetched with apt into a private state, unpacked, and kept in `cache`.
 * Nothing is installed on this machine.
 */
export function bareRoot(cache: string): string {
  const root = join(cache, 'board-root');
  if (existsSync(root)) return root;
  const work = join(cache, 'board-partial');
  rmSync(work, { recursive: true, force: true });
  const tree = join(work, 'tree');
  for (const folder of ['usr/bin', 'usr/sbin', 'usr/lib']) mkdirSync(join(tree, folder), { recursive: true });
  for (const name of ['bin', 'sbin', 'lib']) symlinkSync(`usr/${name}`, join(tree, name));
  for (const deb of fetched(work)) {
    const bytes = execFileSync('dpkg-deb', ['--fsys-tarfile', deb], { maxBuffer: 2 ** 28 });
    execFileSync('tar', ['-x', '--keep-directory-symlink', '-C', tree], { input: bytes });
  }
  for (const folder of ['proc', 'dev', 'run', 'tmp', 'var/lib/dpkg/info', 'var/lib/dpkg/updates'])
    mkdirSync(join(tree, folder), { recursive: true });
  writeFileSync(join(tree, 'var/lib/dpkg/status'), installedText());
  writeFileSync(
    join(tree, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n',
  );
  writeFileSync(join(tree, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
  writeFileSync(join(tree, 'etc/hosts'), '127.0.0.1 localhost\n');
  writeFileSync(join(tree, 'cpuinfo'), [0, 1].map((core) => `processor\t: ${core}\n${processor}\n`).join(''));
  cpSync('/usr/lib/binfmt.d/qemu-aarch64.conf', join(tree, 'qemu-aarch64.conf'));
  renameSync(tree, root);
  rmSync(work, { recursive: true });
  return root;
}

function fetched(work: string): string[] {
  const state = join(work, 'apt');
  for (const folder of ['lists/partial', 'archives/partial'])
    mkdirSync(join(state, folder), { recursive: true });
  writeFileSync(join(state, 'status'), '');
  const lines = [
    'APT::Architecture "arm64"; APT::Architectures { "arm64"; }; APT::Sandbox::User "root";',
    `Dir::State "${state}"; Dir::State::status "${state}/status"; Dir::Cache "${state}";`,
  ];
  writeFileSync(join(state, 'apt.conf'), `${lines.join('\n')}\n`);
  const env = { ...process.env, APT_CONFIG: join(state, 'apt.conf'), DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...argv: string[]) =>
    execFileSync('apt-get', ['-qq', ...argv], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  apt('update');
  apt('install', '-y', '--no-install-recommends', '--download-only', ...packages);
  return readdirSync(join(state, 'archives'))
    .filter((name) => name.endsWith('.deb'))
    .map((name) => join(state, 'archives', name));
}

/** What dpkg of the board believes to be there, of what our package asks for. */
function installedText(): string {
  const versions = { libc6: '2.36', 'libstdc++6': '12.2', 'libgcc-s1': '12.2', systemd: '252' };
  return Object.entries(versions)
    .map(
      ([name, version]) =>
        `Package: ${name}\nStatus: install ok installed\nArchitecture: arm64\nVersion: ${version}\n` +
        'Maintainer: nobody <nobody@example.org>\nDescription: a part of the board\n',
    )
    .join('\n');
}
