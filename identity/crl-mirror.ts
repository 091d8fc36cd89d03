import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { writeAtomic } from '../runtime/files.js';
import { type Log, told } from '../runtime/log.js';
import { Refusal } from '../schemas/refusal.js';
import { fetchText } from './authority-client.js';
import { readBundle, textOf } from './bundle.js';
import { readCrl } from './x509.js';

export interface CrlMirror {
  /** What readers watch. */
  file: string;
  stop(): void;
}

const everyMs = 2_000;

/**
 * Keeps a copy of an authority's list of revoked certificates in the bundle's folder, for a broker on another machine.
 * A copy that is there counts where the authority can't be asked.
 * @throws Refusal where there is neither
 */
export async function mirrorCrl(url: string, folder: string, log: Log): Promise<CrlMirror> {
  const file = join(folder, 'crl.pem');
  let isAway = false;
  const look = async () => {
    try {
      await copy(url, folder, file);
      if (isAway) log.info('the list of revoked certificates is asked for again');
      isAway = false;
    } catch (error) {
      if (!isAway) log.warn('the list of revoked certificates can’t be asked for', { reason: told(error) });
      isAway = true;
    }
  };
  await look();
  if (textOf(file) === undefined)
    throw new Refusal(`no list of revoked certificates from ${url}, and none of before in ${file}`);
  let isAsking = false;
  const timer = setInterval(async () => {
    if (isAsking) return;
    isAsking = true;
    await look();
    isAsking = false;
  }, everyMs);
  return { file, stop: () => clearInterval(timer) };
}

async function copy(url: string, folder: string, file: string): Promise<void> {
  const { authority: ca } = readBundle(folder);
  if (ca === undefined) throw new Refusal(`${folder} (--tls) has no ca.crt to know the authority by`);
  const before = textOf(file);
  const list = await fetchText(url, ca, before === undefined ? undefined : markOf(before));
  if (list === undefined || list === before) return;
  await readCrl(list, ca);
  await writeAtomic(file, list, 0o644);
}

/** An HTTP entity tag. */
export const markOf = (text: string) => `"${createHash('sha256').update(text).digest('base64url')}"`;
