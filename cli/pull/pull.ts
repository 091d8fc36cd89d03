import { readdir, readFile, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { requireFolder, syncFolder } from '../../runtime/files.js';
import { takeLock } from '../../runtime/lock.js';
import { Refusal } from '../../schemas/refusal.js';
import { bytesText } from '../tables.js';
import type { Access } from './access.js';
import { hashInto, newHash } from './digest.js';
import { type Hub, openHub, type RepoFile } from './hub.js';
import { isMirror, openMirror } from './mirror.js';
import { gather, partPath, refuseDisk, sizeOf } from './part.js';
import { type Patience, persist } from './patience.js';
import type { PullView } from './progress.js';
import { isAsRecorded, type PullRecord, readRecord, recordFile, writeRecord } from './record.js';
import { describingFiles, indexFile, shardsOf } from './selection.js';

export interface PullRequest {
  model: string;
  revision: string;
  folder: string;
  /** SHA256SUMS to hold a folder's or an address's files against; '' for the one that lies there. */
  sums: string;
}

export interface Pulled {
  commit: string;
  files: readonly RepoFile[];
  /** What this pull itself brought: 0 where all was there. */
  bytes: number;
}

const lockFile = '.fleetune-pull.lock';

/** Held back from a full disk: the system needs some room too. */
const spareBytes = 16 * 2 ** 20;

/**
 * Brings a model's folder to a revision: config.json, tokenizer.json, generation_config.json where there is one, and the
 * safetensors weights. All is gathered in parts and checked before the first file takes its place.
 * @param check looks at the gathered config.json, before gigabytes are fetched for it
 * @throws Refusal for whatever a person must mend
 */
export async function pull(
  request: PullRequest,
  access: Access,
  patience: Patience,
  view: PullView,
  check: (configPath: string) => Promise<void>,
): Promise<Pulled> {
  const { model, folder, revision } = request;
  const hub = isMirror(model)
    ? openMirror(model, request.sums, patience)
    : openHub(access, request, patience);
  const { commit, files } = await persist(patience, () => hub.list());
  const { small, weights } = describingFiles(model, files);
  await requireFolder(folder, 'the model folder');
  const inUse = (holder: string) =>
    `${folder} is being filled by ${holder}: wait until that pull is done, or give another --folder`;
  const lock = await takeLock(join(folder, lockFile), inUse).catch((error) => refuseDisk(error, folder));
  try {
    const record = await readRecord(folder);
    const pulling: Pulling = { request, commit, hub, record, patience, view };
    await bring(pulling, small);
    await check(await placeOf(folder, small[0]!));
    const index = small.find(({ path }) => path === indexFile);
    const shards = index && shardsOf(model, await readFile(await placeOf(folder, index), 'utf8'), files);
    await bring(pulling, shards ?? weights);
    const all = [...small, ...(shards ?? weights)];
    const bytes = await settle(pulling, all);
    await writeRecord(folder, { model, endpoint: access.endpoint, revision, commit }, all);
    return { commit, files: all, bytes };
  } finally {
    view.end();
    await lock.release();
  }
}

interface Pulling {
  request: PullRequest;
  commit: string;
  hub: Hub;
  record: PullRecord | undefined;
  patience: Patience;
  view: PullView;
}

/** Gathers the files that are not there yet. */
async function bring({ request, commit, hub, record, patience, view }: Pulling, files: readonly RepoFile[]) {
  const { folder } = request;
  const absent: RepoFile[] = [];
  for (const file of files) if (!(await isThere(folder, file, record, patience.signal))) absent.push(file);
  for (const { path } of absent) await requireReplaceable(request, path, record);
  await requireRoom(folder, absent);
  view.total(absent.reduce((sum, { size }) => sum + size, 0));
  for (const file of absent) {
    const part = partPath(join(folder, file.path), file);
    await gather(
      file,
      part,
      (from) => hub.read(commit, file, from),
      patience,
      (bytes) => view.file(file, bytes),
    );
    view.done(file);
  }
}

/** Whether a file lies in its place with the listing's bytes: by the record, else by reading it. */
async function isThere(
  folder: string,
  { path, size, digest }: RepoFile,
  record: PullRecord | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const at = join(folder, path);
  if (await isAsRecorded(folder, path, record)) return record!.files[path]!.digest.hex === digest.hex;
  if ((await sizeOf(at)) !== size) return false;
  const hash = newHash(digest, size);
  await hashInto(hash, at, signal);
  return hash.digest('hex') === digest.hex;
}

/** Nobody's own file is overwritten: only one that a pull of this model has put there. */
async function requireReplaceable(
  { folder, model }: PullRequest,
  path: string,
  record: PullRecord | undefined,
) {
  const ours = record?.model === model && Object.hasOwn(record.files, path);
  if (ours || (await sizeOf(join(folder, path))) === 0) return;
  throw new Refusal(
    `${join(folder, path)} is not that of ${model}, and no pull of it put it there: give another --folder, or remove it`,
  );
}

async function requireRoom(folder: string, files: readonly RepoFile[]): Promise<void> {
  let needed = 0;
  for (const file of files) needed += file.size - (await sizeOf(partPath(join(folder, file.path), file)));
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (needed > 0 && needed + spareBytes > free)
    throw new Refusal(
      `${folder}: ${bytesText(needed)} are to come and ${bytesText(free)} of the disk are free, of which ` +
        `${bytesText(spareBytes)} stay so: make room, or give another --folder`,
    );
}

/** Where a file's bytes are by now: in its part, or in its place. */
async function placeOf(folder: string, file: RepoFile): Promise<string> {
  const at = join(folder, file.path);
  return (await sizeOf(partPath(at, file))) === file.size ? partPath(at, file) : at;
}

/** Gives all parts their names, then removes what is left of other revisions. @returns bytes that took their place */
async function settle({ request, record }: Pulling, files: readonly RepoFile[]): Promise<number> {
  const { folder, model } = request;
  let bytes = 0;
  for (const file of files) {
    const at = join(folder, file.path);
    const part = partPath(at, file);
    if ((await sizeOf(part)) !== file.size) continue;
    await rename(part, at).catch((error: unknown) => refuseDisk(error, at));
    bytes += file.size;
  }
  const kept = new Set([...files.map(({ path }) => path), recordFile]);
  const before = record?.model === model ? Object.keys(record.files) : [];
  for (const name of await readdir(folder)) {
    const isOld = before.includes(name) && !kept.has(name);
    if (isOld || /\.[0-9a-f]{12}\.part$/.test(name)) await rm(join(folder, name), { force: true });
  }
  await syncFolder(folder);
  return bytes;
}
