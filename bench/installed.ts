import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes on disk of what a board holds to train: as the Dockerfile leaves it, with the runtime. */
export interface Installed {
  runtime: number;
  packages: Record<string, number>;
  /** Only where somebody asked npm for them; not counted. */
  cuda: number;
}

export const totalMb = ({ runtime, packages }: Installed) =>
  (runtime + Object.values(packages).reduce((a, b) => a + b, 0)) / 1e6;

/** Node, the production packages of the lock file for this platform alone, and our own program without its tests. */
export async function installed(): Promise<Installed> {
  const lock = JSON.parse(await readFile('package-lock.json', 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>;
  };
  const platform = `${process.platform}/${process.arch}`;
  const found: Installed = { runtime: await bytesOf(process.execPath), packages: {}, cuda: 0 };
  for (const [path, { dev, devOptional }] of Object.entries(lock.packages)) {
    if (path === '' || dev || devOptional) continue;
    let bytes = 0;
    for (const [file, size] of await filesOf(path)) {
      if (file.slice(path.length + 1).includes('node_modules/')) continue; // A package of its own in the lock.
      const binary = /\/bin\/napi-v\d+\/(\w+\/\w+)\//.exec(file)?.[1];
      if (binary && binary !== platform) continue;
      if (/cuda|tensorrt/.test(file)) found.cuda += size;
      else bytes += size;
    }
    found.packages[path.replace(/^.*node_modules\//, '')] = bytes;
  }
  const own = (await filesOf('dist')).filter(([file]) => !/^dist\/(test|bench)\//.test(file));
  found.packages.fleetune = own.reduce((sum, [, size]) => sum + size, 0);
  return found;
}

const bytesOf = (path: string) =>
  lstat(path).then(
    ({ size }) => size,
    () => 0,
  );

async function filesOf(folder: string): Promise<[string, number][]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(files.map(async (file): Promise<[string, number]> => [file, await bytesOf(file)]));
}
