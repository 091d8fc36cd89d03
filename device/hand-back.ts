import { createHash } from 'node:crypto';
import { encode } from '../schemas/codec.js';
import type { Task } from '../schemas/messages.js';
import { type Duties, offer } from './duty.js';
import { undone } from './work.js';

const reason = 'the device was stopped';

/**
 * Tells the coordinator that a task will not be done here, so that its round need not wait for the deadline. Nothing
 * of it is kept: a device that could not say so does the task when it is back and told again.
 * @throws the signal's reason
 */
export async function handBack(task: Task, duties: Duties, signal: AbortSignal): Promise<void> {
  const bytes = encode('Update', undone(task, duties.deviceId, reason));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const read = async (from: number, to: number) => bytes.subarray(from, to);
  await offer({ key: task.key, sha256, totalBytes: bytes.length, read }, duties, signal);
  duties.log.info('task handed back', { ...task.key });
}
