import { type Encoded, plannedBatches } from './batches.js';
import type { Decoding } from './decoding.js';
import { generate } from './generate.js';
import { encode, type Reader } from './reading.js';
import type { Tokenizer } from './tokenizer.js';

/** maxTokens is the text's maxTargetTokens. */
export interface SummaryOptions extends Partial<Omit<Decoding, 'maxTokens'>> {
  batchSize?: number;
  /** Called after each batch: a benchmark's tokens per second. With minTokens = maxTargetTokens no row ends early. */
  report?: (batch: BatchReport) => void;
}

export interface BatchReport {
  summaries: number;
  /** Of the summaries, end tokens included. */
  tokens: number;
  /** Of it the encoder's part, for the whole batch. */
  encodeMs: number;
  ms: number;
}

/** A summary of each source, in their order; batches are of like lengths. */
export async function summarize(
  reader: Reader,
  tokenizer: Tokenizer,
  sources: readonly Encoded[],
  decoding: Decoding,
  batchSize: number,
  report: SummaryOptions['report'] = () => {},
): Promise<string[]> {
  const summaries = new Array<string>(sources.length).fill('');
  const placed = sources.map((source, at) => ({ ...source, at }));
  for (const batch of plannedBatches(placed, batchSize, 'summaries')) {
    const from = performance.now();
    const memory = await encode(reader, batch);
    const encodeMs = performance.now() - from;
    const generated = await generate(reader, memory, decoding);
    for (const [row, ids] of generated.entries()) summaries[batch[row]!.at] = tokenizer.decode(ids);
    const tokens = generated.reduce((sum, ids) => sum + ids.length, 0);
    report({ summaries: batch.length, tokens, encodeMs, ms: performance.now() - from });
  }
  return summaries;
}
