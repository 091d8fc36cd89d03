import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomic } from '../runtime/files.js';
import { Refusal } from '../schemas/refusal.js';
import { type Authority, authorityFiles, holdsAuthority, makePublicFolder } from './authority.js';
import { parseCertificate, parsePrivateKey, readSecret, textOf } from './bundle.js';
import type { Revoked } from './crl.js';
import { exclusively } from './exclusive.js';
import { type Entry, readRegister, register, serialsOf } from './issued.js';
import { listed, writeCrl } from './revocation.js';
import { readCrl } from './x509.js';

/**
 * Opens an authority. What its public folder lacks is written anew, as the register has it.
 * @throws Refusal where there is none, its key can't be used, or something is lost that nothing can make again
 */
export async function openAuthority(folder: string, nowMs = Date.now()): Promise<Authority> {
  if (!holdsAuthority(folder))
    throw new Refusal(`no authority in ${folder} (--ca): make one with \`fleetune ca init\``);
  const paths = {
    key: join(folder, authorityFiles.key),
    certificate: join(folder, authorityFiles.certificate),
  };
  const pem = readSecret(paths.key);
  const certificate = textOf(paths.certificate) ?? readRegister(folder).authority;
  if (pem === undefined)
    throw new Refusal(
      `${paths.key} is missing: put it back from a copy. Without one, make a new authority in another folder ` +
        '(--ca) and provision all anew',
    );
  if (certificate === undefined)
    throw new Refusal(
      `${paths.certificate} is missing: put the ca.crt of any bundle of this authority there. ` +
        `If it never made one, delete ${paths.key} and begin anew`,
    );
  const key = parsePrivateKey(pem, authorityFiles.key);
  if (!parseCertificate(certificate, authorityFiles.certificate).checkPrivateKey(key))
    throw new Refusal(`${folder}: ${authorityFiles.key} is not the key of ${authorityFiles.certificate}`);
  const authority = { folder, certificate, key };
  if (isWhole(await lacking(authority, nowMs))) return authority;
  await exclusively(folder, async () => complete(authority, await lacking(authority, nowMs), nowMs));
  return authority;
}

/** What one of the two, register and public folder, has and the other has not. */
interface Lacking {
  entries: Entry[];
  certificate: boolean;
  crl: boolean;
}

const isWhole = ({ entries, certificate, crl }: Lacking) => entries.length === 0 && !certificate && !crl;

async function lacking(authority: Authority, nowMs: number): Promise<Lacking> {
  const { folder, certificate } = authority;
  const kept = readRegister(folder);
  const found = await listedBy(authority, kept.authority !== undefined);
  const known = serialsOf(kept.revoked);
  const isListed = serialsOf(found ?? []);
  const untold = (found ?? []).filter(({ serial }) => !known.has(serial));
  return {
    entries: [
      ...untold.map(({ serial, atMs }) => ({ revoked: serial, atMs })),
      ...(kept.authority === undefined ? [{ authority: certificate }] : []), // Last: it says that all is there.
    ],
    certificate: !existsSync(join(folder, authorityFiles.certificate)),
    crl: found === undefined || listed(kept, nowMs).some(({ serial }) => !isListed.has(serial)),
  };
}

async function complete(authority: Authority, { entries, certificate, crl }: Lacking, nowMs: number) {
  const { folder } = authority;
  await makePublicFolder(folder);
  if (entries.length > 0) await register(folder, ...entries);
  if (crl) await writeCrl(authority, nowMs);
  if (certificate) await writeAtomic(join(folder, authorityFiles.certificate), authority.certificate, 0o644);
}

/**
 * What the list in the public folder revokes; undefined where it is gone or damaged and the register knows it all.
 * @throws Refusal where nothing says who is revoked: nobody may count as unrevoked then
 */
async function listedBy(authority: Authority, isKept: boolean): Promise<Revoked[] | undefined> {
  const path = join(authority.folder, authorityFiles.crl);
  const pem = textOf(path);
  if (pem === undefined && isKept) return undefined;
  if (pem === undefined)
    throw new Refusal(
      `${path} is missing, and the register does not say either who is revoked: put the list back from a copy; a ` +
        'broker on another machine has one in its bundle’s folder. Without one, make a new authority in another ' +
        'folder (--ca) and provision all anew',
    );
  try {
    return await readCrl(pem, authority.certificate);
  } catch (error) {
    if (isKept && error instanceof Refusal) return undefined;
    throw error instanceof Refusal ? new Refusal(`${path}: ${error.message}`) : error;
  }
}
