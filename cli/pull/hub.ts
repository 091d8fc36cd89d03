/** The hub as a pull sees it: a listing with sizes and hashes, and files' bytes from anywhere on. */
import { listFiles, modelInfo } from '@huggingface/hub';
import { Refusal } from '../../schemas/refusal.js';
import type { Access } from './access.js';
import type { Digest } from './digest.js';
import { Interruption, type Patience } from './patience.js';
import { hubFetch, reasonOf, type Subject } from './request.js';

export interface RepoFile {
  /** Its name: files in folders of a repository are no part of a model. */
  path: string;
  size: number;
  digest: Digest;
}

export interface Listing {
  /** The 40 digits of the commit that the revision is now. */
  commit: string;
  files: readonly RepoFile[];
}

export interface Body {
  /** The first byte's place in the file: 0 where the server ignores the wish for a later one. */
  from: number;
  chunks: AsyncIterable<Uint8Array>;
}

export interface Hub {
  list(): Promise<Listing>;
  read(commit: string, file: RepoFile, from: number): Promise<Body>;
}

const maxEntries = 10_000;

/**
 * The client lists; it neither resumes a download nor checks one, so bytes come by a ranged request to the hub's
 * documented address of a file, `/<model>/resolve/<commit>/<file>`.
 */
export function openHub(access: Access, subject: Subject, { signal, stallMs }: Patience): Hub {
  const request = hubFetch(access, subject);
  const client = {
    hubUrl: access.endpoint,
    fetch: ((input, init) =>
      request(input, {
        ...init,
        signal: AbortSignal.any([signal, AbortSignal.timeout(stallMs)]),
      })) as typeof fetch,
  };
  return {
    async list() {
      try {
        const { sha } = await modelInfo({
          ...client,
          name: subject.model,
          revision: subject.revision,
          additionalFields: ['sha'],
        });
        if (!/^[0-9a-f]{40}$/.test(sha))
          throw new Refusal(`${access.endpoint} names no commit of ${subject.model}`);
        const files: RepoFile[] = [];
        let entries = 0;
        for await (const entry of listFiles({
          ...client,
          repo: { type: 'model', name: subject.model },
          revision: sha,
        })) {
          if (++entries > maxEntries)
            throw new Refusal(`${subject.model} lists more than ${maxEntries} files`);
          const digest = digestOf(entry);
          if (entry.type === 'file' && digest) files.push({ path: entry.path, size: entry.size, digest });
        }
        return { commit: sha, files };
      } catch (error) {
        throw understood(error, signal, access.endpoint);
      }
    },

    read: (commit, file, from) =>
      readRange(request, `${access.endpoint}/${subject.model}/resolve/${commit}/${file.path}`, file, from, {
        signal,
        stallMs,
      }),
  };
}

/** Asks for a file's bytes from a place on. */
export async function readRange(
  request: typeof fetch,
  url: string,
  { path, size }: RepoFile,
  from: number,
  { signal, stallMs }: Pick<Patience, 'signal' | 'stallMs'>,
): Promise<Body> {
  const stalled = new AbortController();
  const watch = setTimeout(() => stalled.abort(), stallMs);
  try {
    const response = await request(url, {
      signal: AbortSignal.any([signal, stalled.signal]),
      // A compressed answer has other bytes than those that the range counts.
      headers: { 'accept-encoding': 'identity', ...(from > 0 && { range: `bytes=${from}-` }) },
    });
    const start = response.status === 206 ? startOf(response, size, path) : 0;
    return { from: start, chunks: watched(response, watch, signal) };
  } catch (error) {
    clearTimeout(watch);
    throw understood(error, signal, url);
  }
}

/** A body whose every chunk restarts the watch, and whose end of any kind stops it. */
async function* watched(
  response: Response,
  watch: NodeJS.Timeout,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  try {
    for await (const chunk of response.body ?? []) {
      watch.refresh();
      yield chunk;
    }
  } catch (error) {
    throw understood(error, signal, response.url);
  } finally {
    clearTimeout(watch);
  }
}

function startOf(response: Response, size: number, path: string): number {
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get('content-range') ?? '') ?? [];
  if (Number(total) !== size)
    throw new Refusal(`${path}: the hub sends a file of ${total} bytes, its listing says ${size}`);
  return Number(start);
}

function digestOf({ lfs, oid }: { lfs?: { oid: string }; oid?: string }): Digest | undefined {
  if (lfs && /^[0-9a-f]{64}$/.test(lfs.oid)) return { algorithm: 'sha256', hex: lfs.oid };
  return oid && /^[0-9a-f]{40}$/.test(oid) ? { algorithm: 'git sha1', hex: oid } : undefined;
}

/** Says of what fetch threw whether it may pass. */
export function understood(error: unknown, signal: AbortSignal, address: string): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof Refusal || error instanceof Interruption) return error;
  const { host } = new URL(address);
  const { name } = error as Error;
  if (name === 'TimeoutError' || name === 'AbortError')
    return new Interruption(`${host} sent nothing for too long`);
  if (error instanceof SyntaxError) return new Refusal(`${host} does not answer as a hub does: not JSON`);
  return new Interruption(`the connection to ${host} was lost (${reasonOf(error)})`);
}
