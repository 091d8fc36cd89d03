import { readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Architecture, isWanted, type Parts } from './pack.js';

export interface Sizes {
  moduleBytes: number;
  assetBytes: number;
  packageBytes: number;
  /** Package → bytes, the largest first. */
  largest: [name: string, bytes: number][];
}

/** Bytes of files that `pack()` would copy, without making them. */
export function sizesOf(root: string, { modules, assets, packages }: Parts, arch: Architecture): Sizes {
  const own = (paths: readonly string[]) => sum(paths.map((path) => bytesIn(join(root, path), () => true)));
  const each = packages.map((folder): [string, number] => {
    const from = join(root, folder);
    return [folder, bytesIn(from, (path) => isWanted(relative(from, path), arch))];
  });
  return {
    moduleBytes: own(modules),
    assetBytes: own(assets),
    packageBytes: sum(each.map(([, bytes]) => bytes)),
    largest: each.sort(([, a], [, b]) => b - a),
  };
}

/** Of a file, or of all files in a folder that are wanted. */
export function bytesIn(path: string, wanted: (path: string) => boolean): number {
  if (!wanted(path)) return 0;
  const found = statSync(path);
  if (!found.isDirectory()) return found.size;
  return sum(readdirSync(path).map((name) => bytesIn(join(path, name), wanted)));
}

const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);
