import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * Bytes that a new process may take: what the kernel calls available, or less where a control group (a container, a
 * systemd unit) allows less. @param root '/' but for tests
 */
export function availableBytes(root = '/'): number {
  const text = read(join(root, 'proc/meminfo'));
  const kib = /^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1];
  const machine = kib === undefined ? freemem() : Number(kib) * 1024;
  return Math.min(machine, ...groupFolders(root).map(left));
}

/** The control groups that hold this process, version 2 and the memory controller of version 1, up to the root. */
function groupFolders(root: string): string[] {
  return read(join(root, 'proc/self/cgroup'))
    .split('\n')
    .flatMap((line) => {
      const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
      if (path === undefined || (controllers !== '' && controllers !== 'memory')) return [];
      const top = join(root, 'sys/fs/cgroup', controllers!);
      const folders = [];
      for (let at = join(top, path); at.startsWith(top); at = dirname(at)) folders.push(at);
      return folders;
    });
}

/** Bytes that a group may still take. Pages of files count as used there but are given back when they are needed. */
function left(folder: string): number {
  const number = (...names: string[]) =>
    names.map((name) => read(join(folder, name)).trim()).find((text) => /^\d+$/.test(text));
  const limit = number('memory.max', 'memory.limit_in_bytes');
  const used = number('memory.current', 'memory.usage_in_bytes');
  if (limit === undefined || used === undefined) return Number.POSITIVE_INFINITY;
  const files = /^(?:total_)?inactive_file (\d+)$/m.exec(read(join(folder, 'memory.stat')))?.[1] ?? '0';
  return Math.max(0, Number(limit) - Number(used) + Number(files));
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
