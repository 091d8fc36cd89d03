import { stat } from 'node:fs/promises';
import { Refusal } from '../schemas/refusal.js';
import { modelIdentity } from './model-identity.js';
import { countExamples } from './shard-count.js';
import type { ShardFile } from './trainer-messages.js';

export interface InventorySettings {
  /** Hugging Face folder. */
  model: string;
  /** Training file and held-out file; '' for none. */
  data: string;
  evaluation: string;
  dialogueField: string;
  summaryField: string;
  /** Remembers the model's hash. */
  cacheFile: string;
}

/** What the device can work with. */
export interface Stock {
  modelSha256: string;
  trainExamples: number;
  evaluationExamples: number;
}

type Part = 'data' | 'evaluation';

export interface Inventory {
  /** Looks again at what changed since the last time. @throws Refusal that says what can't be used */
  take(): Promise<Stock>;
  /** @param limit 0: all. @throws Refusal where the device has no such part */
  shard(part: Part, limit?: number): ShardFile;
}

export function createInventory(settings: InventorySettings): Inventory {
  const { dialogueField, summaryField } = settings;
  const counted = new Map<Part, { seen: string; examples: number }>();

  async function count(part: Part): Promise<number> {
    const path = settings[part];
    if (path === '') return 0;
    const found = await stat(path).catch(() => undefined);
    const seen = `${found?.size} ${found?.mtimeMs}`;
    const known = counted.get(part);
    if (found && known?.seen === seen) return known.examples;
    const examples = await countExamples({ path, dialogueField, summaryField }, found?.size ?? 0);
    counted.set(part, { seen, examples });
    return examples;
  }

  return {
    async take() {
      const { sha256 } = await modelIdentity(settings.model, settings.cacheFile);
      return {
        modelSha256: sha256,
        trainExamples: await count('data'),
        evaluationExamples: await count('evaluation'),
      };
    },
    shard(part, limit = 0) {
      const path = settings[part];
      if (path === '')
        throw new Refusal(`the device holds no text to ${part === 'data' ? 'train' : 'evaluate'} on`);
      return { path, dialogueField, summaryField, ...(limit > 0 ? { limit } : {}) };
    },
  };
}
