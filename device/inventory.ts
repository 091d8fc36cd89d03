import { stat } from 'node:fs/promises';
import { modelIdentity } from './model-identity.js';
import { readExamples } from './shards.js';
import type { Example } from './trainer-messages.js';

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

export interface Inventory {
  /** Looks again at what changed since the last time. @throws Refusal that says what can't be used */
  take(): Promise<Stock>;
  /** In the file's order; read for each task, so that an idle device holds no text. */
  examples(part: 'data' | 'evaluation', limit?: number): Promise<Example[]>;
}

export function createInventory(settings: InventorySettings): Inventory {
  const { dialogueField, summaryField } = settings;
  const counted = new Map<string, { seen: string; count: number }>();

  async function examples(part: 'data' | 'evaluation', limit?: number): Promise<Example[]> {
    const path = settings[part];
    if (path === '') return [];
    const options = { dialogueField, summaryField, ...(limit === undefined ? {} : { limit }) };
    const { examples: rows } = await readExamples(path, options);
    return rows.map(({ source, target }) => ({ source, target }));
  }

  async function count(part: 'data' | 'evaluation'): Promise<number> {
    const path = settings[part];
    if (path === '') return 0;
    const found = await stat(path).catch(() => undefined);
    const seen = found ? `${found.size} ${found.mtimeMs}` : '';
    const known = counted.get(part);
    if (known && known.seen === seen && seen !== '') return known.count;
    const all = await examples(part);
    counted.set(part, { seen, count: all.length });
    return all.length;
  }

  return {
    examples,
    async take() {
      const { sha256 } = await modelIdentity(settings.model, settings.cacheFile);
      return {
        modelSha256: sha256,
        trainExamples: await count('data'),
        evaluationExamples: await count('evaluation'),
      };
    },
  };
}
