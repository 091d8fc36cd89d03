import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Entry, entriesHash, program, readable, stage } from './entries.js';
import { nodeArchive, nodeRuntime } from './node-runtime.js';
import { control, maintainerScripts, packageFile, packageTexts } from './package-text.js';
import { places } from './places.js';
import { programEntries } from './program-files.js';
import { run } from './tool.js';

export interface Deb {
  path: string;
  version: string;
  bytes: number;
  /** Of all its files on a board. */
  installedBytes: number;
}

/** npm's own date for what has none, so that equal files make equal packages. */
export const sourceDate = 499_162_500;

/**
 * The package for all boards: made once for equal files, then kept in `cache`.
 * @param root of the project's checkout
 * @param cache folder that is this process's own
 * @throws Refusal for what is missing
 */
export async function buildDeb(root: string, cache: string, report: (step: string) => void): Promise<Deb> {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  await removeLeftovers(cache);
  const archive = await nodeArchive(cache, report);
  const parts = await mkdtemp(join(cache, 'parts-'));
  try {
    const entries = [
      ...(await nodeEntries(archive, parts)),
      ...(await programEntries(root, join(parts, 'program'))),
      ...packageTexts(version),
    ];
    const scripts = Object.entries(maintainerScripts).map(([name, content]) => ({
      path: `DEBIAN/${name}`,
      mode: program,
      content,
    }));
    const installedBytes = (await Promise.all(entries.map(bytesOf))).reduce((sum, bytes) => sum + bytes, 0);
    const about = control(version, Math.ceil(installedBytes / 1024));
    const all = [...entries, ...scripts, { path: 'DEBIAN/control', mode: readable, content: about }];
    const folder = join(cache, `package-${(await entriesHash(all)).slice(0, 16)}`);
    const path = join(folder, packageFile(version));
    if (!existsSync(path)) await pack(all, folder, packageFile(version), cache, report);
    return { path, version, bytes: (await stat(path)).size, installedBytes };
  } finally {
    await rm(parts, { recursive: true, force: true });
  }
}

/** What builds that were ended half-way have left. */
async function removeLeftovers(cache: string): Promise<void> {
  for (const name of await readdir(cache))
    if (/^(fetch|parts|pack)-/.test(name)) await rm(join(cache, name), { recursive: true });
}

/** Node's program and licence, unpacked below `folder`. */
async function nodeEntries(archive: string, folder: string): Promise<Entry[]> {
  await run('tar', ['-xzf', archive, '-C', folder, 'package/bin/node', 'package/LICENSE']);
  const at = (name: string) => ({ copyOf: join(folder, 'package', name) });
  return [
    { path: `${places.program}/bin/node`, mode: program, content: at('bin/node') },
    { path: `${places.program}/LICENSE.node`, mode: readable, content: at('LICENSE') },
  ];
}

/** Compresses with xz, which every dpkg reads; that of Debian 11 reads no zstd. */
async function pack(
  entries: readonly Entry[],
  folder: string,
  name: string,
  cache: string,
  report: (step: string) => void,
): Promise<void> {
  report(`packing ${name} with Node ${nodeRuntime.version}: about a minute; it is kept for the next boards`);
  for (const old of await readdir(cache))
    if (old.startsWith('package-')) await rm(join(cache, old), { recursive: true, force: true });
  const work = await mkdtemp(join(cache, 'pack-'));
  try {
    const tree = join(work, 'tree');
    await stage(tree, entries);
    const made = join(work, 'made');
    await mkdir(made);
    await run('dpkg-deb', ['--root-owner-group', '-Zxz', '-z6', '--build', tree, join(made, name)], {
      env: { SOURCE_DATE_EPOCH: String(sourceDate), LC_ALL: 'C' },
    });
    await rename(made, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function bytesOf({ content }: Entry): Promise<number> {
  if (typeof content === 'string') return Buffer.byteLength(content);
  if (content instanceof Uint8Array) return content.byteLength;
  return 'copyOf' in content ? (await stat(content.copyOf)).size : 0;
}
