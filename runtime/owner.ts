import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { nearest } from './files.js';

/**
 * Root's work in a folder of another is done as that other, from here to the end of the process: what is made there is
 * his, and a link that lies there leads to nothing that he may not touch himself. Of a folder that is not there, whose
 * the nearest one above it is.
 */
export async function becomeOwnerOf(folder: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(await nearest(resolve(folder)));
  if (uid === 0) return;
  process.setgroups!([]);
  process.setgid!(gid);
  process.setuid!(uid);
}
