import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, link, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { requireFolder } from '../runtime/files.js';
import { takeLock } from '../runtime/lock.js';
import { Refusal } from '../schemas/refusal.js';
import { metaData, seedFolder, userData } from './cloud-init.js';
import { buildDeb, type Deb, sourceDate } from './deb.js';
import { type Entry, readable, stage } from './entries.js';
import { places } from './places.js';
import { type Board, seedEntries } from './seed.js';
import { run } from './tool.js';
import { firstBoot } from './units.js';

export type { Board, BoardIdentity, BoardModel } from './seed.js';

export const formats = ['deb', 'overlay', 'cloud-init'] as const;
export type Format = (typeof formats)[number];

export interface ImageRequest {
  board: Board;
  formats: readonly Format[];
  /** Of the project's checkout. */
  root: string;
  /** Keeps Node and the package between builds. */
  cache: string;
  out: string;
}

export interface Image {
  deb: Deb;
  /** The board's own folder; undefined where only the package was asked for. */
  folder: string | undefined;
}

/** Says that a folder is an image, and so may be replaced by a newer one. */
const mark = 'image.json';

/**
 * Builds what a board is flashed with: the package in `out`, the rest in `out`/<id>, which takes the place of an
 * earlier one when it is whole.
 * @throws Refusal for what is missing on this machine, or a folder that is no image and in the way
 */
export async function buildImage(request: ImageRequest, report: (step: string) => void): Promise<Image> {
  const { board, root, out, cache } = request;
  await requireFolder(out, 'the folder of images (--out)');
  await requireFolder(cache, 'the folder of what builds share (--cache)');
  const folder = join(out, board.id);
  if (existsSync(folder) && !existsSync(join(folder, mark)))
    throw new Refusal(`${folder} is there and is no image: give another folder with --out, or remove it`);
  const lock = await takeLock(
    join(cache, 'lock'),
    (holder) => `another image is being built in ${cache} (${holder}): wait, or give another --cache`,
  );
  const work = join(out, `.image-${board.id}`);
  try {
    await rm(work, { recursive: true, force: true }); // Of one that was ended half-way.
    await mkdir(work, { mode: 0o700 });
    const deb = await buildDeb(root, cache, report);
    const shared = join(out, basename(deb.path));
    await replace(deb.path, shared);
    if (request.formats.every((format) => format === 'deb'))
      return { deb: { ...deb, path: shared }, folder: undefined };
    const seed = await seedEntries(board, deb.path);
    const made = join(work, board.id);
    await mkdir(made, { mode: 0o700 });
    if (request.formats.includes('overlay')) {
      report('writing the overlay');
      await writeOverlay(seed, work, join(made, 'overlay.tar'));
    }
    if (request.formats.includes('cloud-init')) {
      report('writing cloud-init’s files');
      await stage(join(made, 'cloud-init'), cloudInitEntries(board.id, seed), 0o700);
    }
    await writeFile(join(made, mark), `${JSON.stringify({ id: board.id, version: deb.version })}\n`);
    await rm(folder, { recursive: true, force: true });
    await rename(made, folder);
    return { deb: { ...deb, path: shared }, folder: resolve(folder) };
  } catch (error) {
    throw understood(error);
  } finally {
    await rm(work, { recursive: true, force: true });
    await lock.release();
  }
}

const diskTroubles: Record<string, string> = {
  ENOSPC: 'the disk is full: make room for about 1 GB beside the model, or give --out and --cache on another',
  EDQUOT: 'the disk quota is used up: make room, or give --out and --cache elsewhere',
  EROFS: 'this file system is read-only',
  EACCES: 'this user may not read or write it',
};

/** A Refusal where the disk is to blame, else the error itself. */
function understood(error: unknown): unknown {
  const { code, path, dest } = error as NodeJS.ErrnoException & { dest?: string };
  const trouble = diskTroubles[code ?? ''];
  return trouble ? new Refusal(`${dest ?? path ?? 'an image'}: ${trouble}`) : error;
}

/** What goes into a root file system before it is flashed: the seed, and the service that runs it. */
export const overlayEntries = (seed: readonly Entry[]): Entry[] => [
  ...seed.map((entry) => ({ ...entry, path: `${places.seed}/${entry.path}` })),
  { path: places.firstBootUnit, mode: readable, content: firstBoot.text },
  {
    path: `/etc/systemd/system/multi-user.target.wants/${firstBoot.name}`,
    mode: readable,
    content: { linkTo: places.firstBootUnit },
  },
];

function cloudInitEntries(id: string, seed: readonly Entry[]): Entry[] {
  const sums = seed.find(({ path }) => path === 'SHA256SUMS')!.content as string;
  const instance = createHash('sha256').update(sums).digest('hex').slice(0, 8);
  return [
    { path: 'user-data', mode: readable, content: userData(id) },
    { path: 'meta-data', mode: readable, content: metaData(id, instance) },
    ...seed.map((entry) => ({ ...entry, path: `${seedFolder}/${entry.path}` })),
  ];
}

/** A tar whose files are root's, whoever makes it; the seed's own folder is closed to all others. */
async function writeOverlay(seed: readonly Entry[], work: string, path: string): Promise<void> {
  const tree = join(work, 'tree');
  await mkdir(join(tree, places.seed), { recursive: true, mode: 0o700 });
  await stage(tree, overlayEntries(seed));
  const owners = ['--owner=0', '--group=0', '--numeric-owner', '--sort=name', `--mtime=@${sourceDate}`];
  const files = [places.seed, places.firstBootUnit, '/etc/systemd/system/multi-user.target.wants'];
  const names = files.map((file) => `.${file}`);
  await run('tar', ['--create', ...owners, '--file', path, '--directory', tree, ...names]);
  await rm(tree, { recursive: true });
}

/** Puts a file in another's place; both are one where the disk allows it. */
async function replace(from: string, to: string): Promise<void> {
  const partial = `${to}.partial`;
  await rm(partial, { force: true });
  await link(from, partial).catch(() => copyFile(from, partial));
  await rename(partial, to);
  await rm(partial, { force: true }); // A rename between two names of one file does nothing.
}
