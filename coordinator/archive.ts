import { createHash } from 'node:crypto';
import { createReadStream, rmSync } from 'node:fs';
import { open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { create, extract, list } from 'tar';
import { isDiskTrouble } from '../runtime/disk-trouble.js';
import { syncFolder } from '../runtime/files.js';
import { told } from '../runtime/log.js';
import { Refusal } from '../schemas/refusal.js';

/** A backup as a file: a tar, gzipped, whose first entry lists the others with their hashes. */
export interface Manifest {
  format: 1;
  /** ISO 8601. */
  madeAt: string;
  /** Of Fleetune. */
  version: string;
  files: { path: string; bytes: number; sha256: string }[];
}

const manifestName = 'backup.json';

/** Packs a folder's files. What `file` holds is whole or not there. @throws disk errors */
export async function pack(
  folder: string,
  paths: readonly string[],
  file: string,
  about: Pick<Manifest, 'madeAt' | 'version'>,
): Promise<Manifest> {
  const files: Manifest['files'] = [];
  for (const path of paths) {
    const { size: bytes } = await stat(join(folder, path));
    files.push({ path, bytes, sha256: await sha256Of(join(folder, path)) });
  }
  const manifest: Manifest = { format: 1, ...about, files };
  await writeFile(join(folder, manifestName), JSON.stringify(manifest, null, 2));
  const partial = `${file}.${process.pid}.partial`;
  await whileThere(partial, async () => {
    const options = { gzip: { level: 1 }, portable: true, strict: true, mode: 0o600 } as const;
    await create({ cwd: folder, file: partial, ...options }, [manifestName, ...paths]);
    const handle = await open(partial, 'r+');
    await handle.sync().finally(() => handle.close());
    await rename(partial, file);
    await syncFolder(dirname(file));
  });
  return manifest;
}

/** Unpacks what a manifest lists, and nothing else, and holds it against its hashes. @throws Refusal where it is not that */
export async function unpack(file: string, folder: string): Promise<Manifest> {
  const damaged = (why: string) => new Refusal(`${file} is damaged, or no backup of fleetune backup: ${why}`);
  const names: string[] = [];
  try {
    await list({ file, strict: true, onReadEntry: (entry) => names.push(`${entry.type} ${entry.path}`) });
    if (names[0] !== `File ${manifestName}`) throw new Error(`${manifestName} is not its first entry`);
    const strange = names.find(
      (name) => !/^File [^/\\][^\\]*$/.test(name) || /(^| |\/)\.\.(\/|$)/.test(name),
    );
    if (strange !== undefined) throw new Error(`${strange} is in it`);
    await extract({ file, cwd: folder, strict: true });
  } catch (cause) {
    if (isDiskTrouble(cause)) throw cause;
    throw damaged(told(cause));
  }
  const manifest = read(await readFile(join(folder, manifestName), 'utf8'));
  if (!manifest) throw damaged(`${manifestName} can't be read`);
  if ((manifest.format as number) !== 1)
    throw new Refusal(
      `${file} has format ${manifest.format}, expected 1: restore it with the version that made it`,
    );
  const listed = new Set([manifestName, ...manifest.files.map(({ path }) => path)]);
  const unlisted = names.find((name) => !listed.has(name.slice('File '.length)));
  if (unlisted !== undefined || names.length !== listed.size) throw damaged('its list is not what it holds');
  for (const { path, sha256 } of manifest.files)
    if ((await sha256Of(join(folder, path))) !== sha256) throw damaged(`${path} has another hash`);
  return manifest;
}

/**
 * Works with a file or folder that is for now alone: it is gone afterwards, also where a signal ends the process.
 * @throws Refusal for trouble with the disk
 */
export async function whileThere<T>(path: string, work: () => Promise<T>): Promise<T> {
  const remove = () => rmSync(path, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof Refusal || !isDiskTrouble(cause)) throw cause;
    throw new Refusal(`the disk does not take it: ${told(cause)}`);
  } finally {
    process.off('exit', remove);
    remove();
  }
}

function read(text: string): Manifest | undefined {
  try {
    const value = JSON.parse(text) as Manifest;
    return Array.isArray(value.files) ? value : undefined;
  } catch {
    return undefined;
  }
}

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}
