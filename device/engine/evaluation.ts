import { type Encoded, type Padded, paddedSize, plannedBatches } from './batches.js';
import { greedyDecoding } from './decoding.js';
import { generate } from './generate.js';
import { encode, type Reader, score } from './reading.js';
import { rouge } from './rouge.js';
import type { Tokenizer } from './tokenizer.js';

export interface Evaluation {
  examples: number;
  labelTokens: number;
  /** Mean over label tokens. */
  loss: number;
  /** Mean F-measures, 0..100. */
  rouge1: number;
  rouge2: number;
  rougeL: number;
}

/** The loss of the reference summaries, and how like them greedy ones are: each batch is encoded once for both. */
export async function evaluate(
  reader: Reader,
  tokenizer: Tokenizer,
  examples: readonly (Encoded & { reference: string })[],
  { maxTokens, batchSize }: { maxTokens: number; batchSize: number },
  running: (batch: Padded) => void,
): Promise<Evaluation> {
  const total = { examples: 0, labelTokens: 0, nll: 0, rouge1: 0, rouge2: 0, rougeL: 0 };
  for (const batch of plannedBatches(examples, batchSize, 'evaluation')) {
    running(paddedSize(batch));
    const memory = await encode(reader, batch);
    const scored = await score(reader, memory, batch);
    total.nll += scored.nll;
    total.labelTokens += scored.labelTokens;
    const generated = await generate(reader, memory, { ...greedyDecoding, maxTokens });
    for (const [row, ids] of generated.entries()) {
      const found = rouge(tokenizer.decode(ids), batch[row]!.reference);
      total.rouge1 += found.rouge1;
      total.rouge2 += found.rouge2;
      total.rougeL += found.rougeL;
    }
    total.examples += batch.length;
  }
  const mean = (sum: number) => sum / Math.max(1, total.examples);
  return {
    examples: total.examples,
    labelTokens: total.labelTokens,
    loss: total.nll / Math.max(1, total.labelTokens),
    rouge1: mean(total.rouge1),
    rouge2: mean(total.rouge2),
    rougeL: mean(total.rougeL),
  };
}
