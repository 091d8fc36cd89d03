import { createPrivateKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { requireFolder, writeAtomic } from '../runtime/files.js';
import { Refusal } from '../schemas/refusal.js';
import { type Authority, issue } from './authority.js';
import { bundleFiles } from './bundle.js';
import { type BundleSettings, settingsFile } from './bundle-settings.js';
import { exclusively } from './exclusive.js';
import { makeKey, makeRequest, requireOther, type Subject } from './x509.js';

/**
 * Makes a bundle for somebody; with a request it has no key, which is where the request was made.
 * @throws Refusal where the folder holds a bundle already, or the request can't be used
 */
export async function provision(
  authority: Authority,
  subject: Subject,
  folder: string,
  reach: Omit<BundleSettings, 'role' | 'name'>,
  times: { days: number; nowMs: number },
  given?: string,
): Promise<void> {
  const { name, role } = subject;
  requireOther(subject);
  if (existsSync(join(folder, bundleFiles.certificate)))
    throw new Refusal(`${folder} holds a certificate already: give another folder with --out`);
  await requireFolder(folder, 'the bundle (--out)');
  const key = given === undefined ? await makeKey() : undefined;
  const request = key === undefined ? given! : await makeRequest(name, createPrivateKey(key));
  const certificate = await exclusively(authority.folder, () => issue(authority, subject, request, times));
  const files: [string, string, number][] = [
    ...(key === undefined ? [] : [[bundleFiles.key, key, 0o600] satisfies [string, string, number]]),
    [bundleFiles.authority, authority.certificate, 0o644],
    [`${role}.yaml`, settingsFile({ role, name, ...reach, tls: reach.tls || resolve(folder) }), 0o644],
    [bundleFiles.certificate, certificate, 0o644],
  ];
  for (const [file, text, mode] of files) await writeAtomic(join(folder, file), text, mode);
}
