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
const system = [
  ...['dash', 'bash', 'coreutils', 'findutils', 'sed', 'grep', 'dpkg', 'tar', 'perl-base', 'util-linux'],
  ...['diffutils', 'libc-bin', 'libstdc++6', 'init-system-helpers', 'systemd'],
];

/** What programs of the other architecture need beside it. */
const libraries = ['libc6', 'libstdc++6', 'libgcc-s1'];

/** Services that are about a machine's own kernel, clock and terminals. */
const masked = [
  ...[
    'systemd-sysctl',
    'systemd-modules-load',
    'systemd-random-seed',
    'systemd-remount-fs',
    'systemd-logind',
  ],
  ...['console-getty', 'systemd-timesyncd', 'systemd-resolved', 'systemd-networkd'],
  'systemd-binfmt',
].map((name) => `${name}.service`);

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
 * The root file system of a bare arm64 Debian: fetched with apt into a private state, unpacked, and kept in `cache`.
 * Nothing is installed on this machine.
 */
export const bareRoot = (cache: string) => kept(cache, 'board-root', { arm64: system });

/**
 * One that this machine's kernel boots without emulation, and that takes an arm64 package all the same: its libraries lie
 * there, and its dpkg is told to. systemd itself does not run under emulation.
 */
export function bootableRoot(cache: string): string {
  const own = execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).trim();
  return kept(cache, 'boot-root', { [own]: system, arm64: libraries });
}

function kept(cache: string, name: string, wanted: Record<string, readonly string[]>): string {
  const root = join(cache, name);
  if (existsSync(root)) return root;
  const work = join(cache, `${name}-partial`);
  rmSync(work, { recursive: true, force: true });
  const tree = join(work, 'tree');
  for (const folder of ['usr/bin', 'usr/sbin', 'usr/lib', 'usr/lib64'])
    mkdirSync(join(tree, folder), { recursive: true });
  for (const folder of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${folder}`, join(tree, folder));
  for (const [architecture, packages] of Object.entries(wanted)) {
    for (const deb of fetched(join(work, architecture), architecture, packages)) {
      const bytes = execFileSync('dpkg-deb', ['--fsys-tarfile', deb], { maxBuffer: 2 ** 28 });
      execFileSync('tar', ['-x', '--keep-directory-symlink', '-C', tree], { input: bytes });
    }
  }
  writeOwnFiles(tree);
  renameSync(tree, root);
  rmSync(work, { recursive: true });
  return root;
}

/** @returns paths of the packages and of all that they need */
function fetched(state: string, architecture: string, packages: readonly string[]): string[] {
  for (const folder of ['lists/partial', 'archives/partial'])
    mkdirSync(join(state, folder), { recursive: true });
  writeFileSync(join(state, 'status'), '');
  const lines = [
    `APT::Architecture "${architecture}"; APT::Architectures { "${architecture}"; }; APT::Sandbox::User "root";`,
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

/** What no package brings: users, what dpkg knows, and what the emulation needs. */
function writeOwnFiles(tree: string): void {
  const folders = ['proc', 'sys', 'dev', 'run', 'tmp', 'mnt', 'var/lib/dpkg/info', 'var/lib/dpkg/updates'];
  for (const folder of [...folders, 'etc/dpkg/dpkg.cfg.d', 'etc/systemd/system'])
    mkdirSync(join(tree, folder), { recursive: true });
  const write = (path: string, text: string) => writeFileSync(join(tree, path), text);
  write('var/lib/dpkg/status', installedText());
  write('etc/dpkg/dpkg.cfg.d/board', 'force-architecture\nforce-depends\n');
  write('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n');
  write('etc/group', 'root:x:0:\nnogroup:x:65534:\n');
  write('etc/hosts', '127.0.0.1 localhost\n');
  write('cpuinfo', [0, 1].map((core) => `processor\t: ${core}\n${processor}\n`).join(''));
  cpSync('/usr/lib/binfmt.d/qemu-aarch64.conf', join(tree, 'qemu-aarch64.conf'));
  for (const unit of [...masked, 'proc-sys-fs-binfmt_misc.automount'])
    symlinkSync('/dev/null', join(tree, 'etc/systemd/system', unit));
  rmSync(join(tree, 'etc/systemd/system/default.target'), { force: true });
  symlinkSync('/lib/systemd/system/multi-user.target', join(tree, 'etc/systemd/system/default.target'));
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
