/** A model's files in a folder or below a web address, with the hashes of a SHA256SUMS file, as a pull sees the hub. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { Refusal } from '../../schemas/refusal.js';
import { type Body, type Hub, type RepoFile, readRange, understood } from './hub.js';
import { Interruption, type Patience } from './patience.js';
import { reasonOf } from './request.js';

const sumsFile = 'SHA256SUMS';
const maxSumsBytes = 2 ** 20;

/** Whether words name no model of the hub, but where one lies; a page of the hub is neither. */
export const isMirror = (source: string) =>
  isAbsolute(source) || /^\.{1,2}\/|^https?:\/\/(?!(huggingface|hf)\.co\/)/.test(source);

/**
 * @param source a folder, or the address of one
 * @param sums SHA256SUMS of the model, from somebody who is trusted; '' for the source's own, which tells damage alone
 */
export function openMirror(source: string, sums: string, patience: Patience): Hub {
  const place = /^https?:/.test(source) ? addressOf(source, patience) : folderOf(source, patience);
  return {
    async list() {
      const text =
        sums === ''
          ? await place.text(sumsFile)
          : await textOf(createReadStream(sums), sums).catch(absent(sums));
      const listed = parseSums(text, sums === '' ? `${source}/${sumsFile}` : sums);
      const files: RepoFile[] = [];
      for (const { path, hex } of listed)
        files.push({ path, size: await place.size(path), digest: { algorithm: 'sha256', hex } });
      return { commit: createHash('sha256').update(text).digest('hex').slice(0, 40), files };
    },
    read: (_commit, file, from) => place.read(file, from),
  };
}

/** Lines as sha256sum writes them. @throws Refusal for a line that is none, or a file of another folder */
export function parseSums(text: string, from: string): { path: string; hex: string }[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0) throw new Refusal(`${from} is empty: expected lines of sha256sum`);
  return lines.map((line, index) => {
    const [, hex, path] = /^([0-9a-f]{64}) [ *](?:\.\/)?([\w-][\w.-]*)\r?$/.exec(line) ?? [];
    if (!hex || !path)
      throw new Refusal(
        `${from}:${index + 1}: not a line of sha256sum for a file of that folder: "64 hex digits, two spaces, name"`,
      );
    return { path, hex };
  });
}

interface Place {
  text(name: string): Promise<string>;
  size(name: string): Promise<number>;
  read(file: RepoFile, from: number): Promise<Body>;
}

function folderOf(folder: string, { signal }: Patience): Place {
  return {
    async text(name) {
      const path = join(folder, name);
      return textOf(createReadStream(path), path).catch(absent(path));
    },
    size: async (name) => (await stat(join(folder, name)).catch(absent(join(folder, name)))).size,
    async read({ path }, from) {
      return {
        from,
        chunks: createReadStream(join(folder, path), { start: from, highWaterMark: 2 ** 20, signal }),
      };
    },
  };
}

function addressOf(address: string, patience: Patience): Place {
  const { username, password, search, hash } = new URL(address);
  if (username || password || search || hash)
    throw new Refusal('the address of a model: expected no login, no ? and no # in it');
  const at = (name: string) => `${address.replace(/\/+$/, '')}/${name}`;
  const request: typeof fetch = async (input, init) => {
    const response = await fetch(input, init).catch((cause: Error) => {
      throw init?.signal?.aborted
        ? cause
        : new Interruption(`${input} can't be reached (${reasonOf(cause)})`);
    });
    const { status, ok, headers } = response;
    if (ok) return response;
    if (status === 408 || status === 429 || status >= 500)
      throw new Interruption(`${input} answered ${status}`, {
        waitMs: 1000 * (Number(headers.get('retry-after')) || 0),
      });
    throw new Refusal(`${input} answered ${status}${String(input).endsWith(sumsFile) ? advice : ''}`);
  };
  const limited = () => AbortSignal.any([patience.signal, AbortSignal.timeout(patience.stallMs)]);
  const understand = (error: unknown) => {
    throw understood(error, patience.signal, address);
  };
  return {
    async text(name) {
      const response = await request(at(name), { signal: limited() }).catch(understand);
      return textOf(response.body ?? [], at(name)).catch(understand);
    },
    async size(name) {
      const headers = { 'accept-encoding': 'identity' };
      const response = await request(at(name), { method: 'HEAD', headers, signal: limited() }).catch(
        understand,
      );
      const size = Number(response.headers.get('content-length') ?? Number.NaN);
      if (!Number.isSafeInteger(size)) throw new Refusal(`${at(name)}: its server does not tell its size`);
      return size;
    },
    read: (file, from) => readRange(request, at(file.path), file, from, patience),
  };
}

const advice = `: make it there with "sha256sum * > ${sumsFile}", or give one with --sums`;

/** A list of sums, as text. @throws Refusal where it is longer than one: what comes behind is not read */
async function textOf(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  from: string,
): Promise<string> {
  const read: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > maxSumsBytes)
      throw new Refusal(`${from} is no list of a model's files: longer than ${maxSumsBytes} bytes`);
    read.push(piece);
  }
  return Buffer.concat(read).toString();
}

/** What becomes of a file that can't be read. */
const absent =
  (path: string) =>
  (error: NodeJS.ErrnoException): never => {
    if (error instanceof Refusal) throw error;
    throw new Refusal(`${path} can't be read (${error.code})${path.endsWith(sumsFile) ? advice : ''}`);
  };
