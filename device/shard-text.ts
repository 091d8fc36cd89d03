import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Refusal } from '../schemas/refusal.js';

/**
 * A file's text, unpacked where it is gzipped.
 * @throws Refusal: missing, a folder, too large, broken or not text
 */
export async function readText(path: string, maxBytes: number): Promise<string> {
  const bytes = await readFileWithin(path, maxBytes);
  const gzipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const plain = gzipped ? await unpacked(bytes, path, maxBytes) : bytes;
  if (plain.includes(0)) throw new Refusal(`${path}: not text, but binary: expected JSON, JSON Lines or CSV`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(plain); // Takes a byte order mark away.
  } catch {
    throw new Refusal(`${path}: not text in UTF-8: expected JSON, JSON Lines or CSV`);
  }
}

async function readFileWithin(path: string, maxBytes: number): Promise<Buffer> {
  try {
    const found = await stat(path);
    if (found.isDirectory())
      throw new Refusal(`${path}: a folder, expected a file of JSON, JSON Lines or CSV`);
    if (found.size > maxBytes) throw new Refusal(tooLarge(path, maxBytes));
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof Refusal) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    throw new Refusal(`${path}: ${code === 'ENOENT' ? 'no such file' : `can't be read (${code})`}`);
  }
}

async function unpacked(bytes: Buffer, path: string, maxBytes: number): Promise<Buffer> {
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') throw new Refusal(tooLarge(path, maxBytes));
    throw new Refusal(`${path}: a broken gzip file (${message})`);
  }
}

const tooLarge = (path: string, maxBytes: number) =>
  `${path}: more than ${maxBytes} bytes of text: give a smaller file`;
