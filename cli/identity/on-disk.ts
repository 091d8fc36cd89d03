import { told } from '../../runtime/log.js';
import { Refusal } from '../../schemas/refusal.js';

/** Does what writes files; where the disk is full or not ours, that is told in a line. */
export async function onDisk<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const { code = '', path } = error as NodeJS.ErrnoException;
    if (!/^E(BUSY|NOSPC|DQUOT|ACCES|PERM|ROFS|IO|NOTDIR|ISDIR)$/.test(code)) throw error;
    throw new Refusal(`not done${path ? ` in ${path}` : ''}: ${told(error)}`);
  }
}
