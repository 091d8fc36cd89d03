/** Counts the examples of one file and ends. */
import { Refusal } from '../schemas/refusal.js';
import type { CountReply } from './shard-count.js';
import { readExamples } from './shards.js';
import type { ShardFile } from './trainer-messages.js';

process.once('message', (shard: ShardFile) => void count(shard));

async function count(shard: ShardFile): Promise<void> {
  let reply: CountReply;
  try {
    const { examples } = await readExamples(shard.path, shard);
    reply = { examples: examples.length };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    reply = { refused: error.message };
  }
  process.send?.(reply, () => process.disconnect());
}
