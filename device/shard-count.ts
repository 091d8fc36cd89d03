import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Refusal } from '../schemas/refusal.js';
import type { ShardFile } from './trainer-messages.js';

export type CountReply = { examples: number } | { refused: string };

const script = fileURLToPath(new URL('./shard-process.js', import.meta.url));
/** A file below it costs less memory than a process costs time. */
const smallBytes = 256 * 1024;

/**
 * How many examples a file holds. A large one is read in a process of its own: what that takes is given back
 * with it, and an idle device stays small.
 * @throws Refusal where it can't be read as examples
 */
export async function countExamples(shard: ShardFile, fileBytes: number): Promise<number> {
  if (fileBytes < smallBytes) {
    const { readExamples } = await import('./shards.js');
    return (await readExamples(shard.path, shard)).examples.length;
  }
  const reply = await countInProcess(shard);
  if ('refused' in reply) throw new Refusal(reply.refused);
  return reply.examples;
}

function countInProcess(shard: ShardFile): Promise<CountReply> {
  return new Promise((resolve, reject) => {
    const child = fork(script, [], { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    child.once('message', (reply: CountReply) => resolve(reply));
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      reject(new Refusal(`${shard.path}: the process that read it ended (${signal ?? `exit code ${code}`})`)),
    );
    child.send(shard, () => {}); // Where it did not arrive, the process has ended and says so.
  });
}
