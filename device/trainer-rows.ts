import os from 'node:os';
import type { OutOfMemory as Shortage } from '../schemas/messages.js';
import { Refusal } from '../schemas/refusal.js';
import type { OutOfMemory } from './trainer-ending.js';
import type { TrainerJob } from './trainer-messages.js';

/**
 * How many rows at a time fit into this device's memory, learned from those that did not. Kept for later jobs of the
 * same kind, limits and adapter; the kinds of job are few, so only the last of each is.
 */
export class TrainerRows {
  readonly #known = new Map<TrainerJob['kind'], { like: string; shortage: Shortage }>();

  /** The last shortage of jobs like this one. */
  of(job: TrainerJob): Shortage | undefined {
    const known = this.#known.get(job.kind);
    return known?.like === likeness(job) ? known.shortage : undefined;
  }

  /**
   * Halves the rows of jobs like this one.
   * @throws Refusal where a single row, or what comes before any, does not fit
   */
  shrink(job: TrainerJob, { batch, message }: OutOfMemory): Shortage {
    if (!batch || batch.rows === 1)
      throw new Refusal(
        `out of memory ${batch ? `with 1 row of ${batch.source} + ${batch.target} tokens` : 'before any batch'}; ` +
          `${Math.round(availableBytes() / 2 ** 20)} MB are free now. ${remedies}. ${message.trim()}`,
      );
    const shortage = { ...batch, microBatch: Math.floor(batch.rows / 2) };
    this.#known.set(job.kind, { like: likeness(job), shortage });
    return shortage;
  }
}

const remedies =
  'What needs less: --memory small, --recompute, --base-bits 4, a run of a lower maxSourceTokens, a smaller model';

const likeness = ({ task: { text, lora, training } }: TrainerJob) =>
  JSON.stringify([text.maxSourceTokens, text.maxTargetTokens, lora, training.batchSize]);

/** What the system, or the process's memory group, could still give. */
const availableBytes = () => (process as { availableMemory?(): number }).availableMemory?.() ?? os.freemem();
