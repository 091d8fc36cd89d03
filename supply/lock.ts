import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A package of package-lock.json (version 3), keyed by its folder, as node_modules/ws. */
export interface LockedPackage {
  version: string;
  license?: string;
  dev?: boolean;
  optional?: boolean;
  hasInstallScript?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

export type Lock = Readonly<Record<string, LockedPackage>>;

export function readLock(root: string): Lock {
  const text = readFileSync(join(root, 'package-lock.json'), 'utf8');
  return (JSON.parse(text) as { packages: Lock }).packages;
}

export const nameOf = (folder: string) => folder.slice(folder.lastIndexOf('node_modules/') + 13);

/** Packages that another declares but that no service of ours loads. */
const unloaded: Readonly<Record<string, { names: readonly string[]; why: string }>> = {
  'onnxruntime-node': {
    names: ['adm-zip', 'global-agent'],
    why: 'its install script alone loads them, to download CUDA libraries; we run no install script',
  },
};

/** Types have no code. */
const isLoaded = (by: string, name: string) =>
  !name.startsWith('@types/') && !unloaded[nameOf(by)]?.names.includes(name);

/**
 * Folders of the packages that libraries need at run time, with all that they need, sorted.
 * @param installed whether a folder is there: an optional dependency may not be
 */
export function closureOf(
  lock: Lock,
  libraries: readonly string[],
  installed: (folder: string) => boolean,
): string[] {
  const found = new Set<string>();
  const waiting = libraries.map((name) => folderOf(lock, '', name));
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    if (found.has(folder)) continue;
    found.add(folder);
    const { dependencies = {}, optionalDependencies = {} } = lock[folder]!;
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      if (!isLoaded(folder, name)) continue;
      if (name in optionalDependencies && !installed(folderOf(lock, folder, name))) continue;
      waiting.push(folderOf(lock, folder, name));
    }
  }
  return [...found].sort();
}

/** Where a package that is imported from `from` lies: beside it, or in a folder above. */
function folderOf(lock: Lock, from: string, name: string): string {
  for (
    let at = from;
    ;
    at = at.includes('/node_modules/') ? at.slice(0, at.lastIndexOf('/node_modules/')) : ''
  ) {
    const folder = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (Object.hasOwn(lock, folder)) return folder;
    if (at === '')
      throw new Error(`${name}, which ${from || 'this project'} imports, is not in the lock file`);
  }
}
