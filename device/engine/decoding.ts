import { Refusal } from '../../schemas/refusal.js';

/** How a summary is made of probabilities. The options of transformers' `generate`, with its meaning and defaults. */
export interface Decoding {
  /** Sequences that are followed side by side; 1: the likeliest token each time (greedy). */
  beams: number;
  /** A finished beam's log-probability is divided by its length to this power: above 0, long ones are better. */
  lengthPenalty: number;
  /** No sequence of so many tokens comes twice; 0: any may. */
  noRepeatNgram: number;
  /** Tokens before the end token may come. */
  minTokens: number;
  /** Tokens at most, the end token counted. */
  maxTokens: number;
  /**
   * When a search whose beams have all ended once is over. True: at once. False: when its best running beam would be
   * worse than they if it ended now. 'never': when it would be worse however it went on.
   */
  earlyStopping: boolean | 'never';
}

export const greedyDecoding: Omit<Decoding, 'maxTokens'> = {
  beams: 1,
  lengthPenalty: 1,
  noRepeatNgram: 0,
  minTokens: 0,
  earlyStopping: false,
};

const maxBeams = 64;
const maxLength = 65_536;

/** @throws Refusal that lists what no search can be made of, with a vocabulary of this size where it is known */
export function requireDecoding(decoding: Decoding, vocabSize = Number.POSITIVE_INFINITY): void {
  const { beams, lengthPenalty, noRepeatNgram, minTokens, maxTokens, earlyStopping } = decoding;
  const problems: string[] = [];
  const within = (name: string, value: number, min: number, max: number) => {
    if (!Number.isInteger(value) || value < min || value > max)
      problems.push(`${name} is ${value}, expected a whole number from ${min} to ${max}`);
  };
  within('beams', beams, 1, Math.min(maxBeams, Math.floor(vocabSize / 4)));
  within('the longest summary', maxTokens, 1, maxLength);
  within('the shortest summary', minTokens, 0, maxTokens);
  within('the n-gram that must not repeat', noRepeatNgram, 0, maxLength);
  if (!Number.isFinite(lengthPenalty)) problems.push(`length penalty is ${lengthPenalty}, expected a number`);
  if (beams === 1 && lengthPenalty !== greedyDecoding.lengthPenalty)
    problems.push(`a length penalty of ${lengthPenalty} ranks beams, expected more than 1 beam`);
  if (beams === 1 && earlyStopping !== greedyDecoding.earlyStopping)
    problems.push(`early stopping (${earlyStopping}) is about beams, expected more than 1 beam`);
  if (noRepeatNgram > 0 && maxTokens + 2 * beams + 2 > vocabSize)
    problems.push(`${maxTokens} tokens that must not repeat are too many for a vocabulary of ${vocabSize}`);
  if (problems.length > 0) throw new Refusal(`generation: ${problems.join('; ')}`);
}

/** Tokens that must not follow `ids` (the start token first). */
export function bannedTokens(
  ids: readonly number[],
  { noRepeatNgram: n, minTokens }: Decoding,
  eosId: number,
): Set<number> {
  const banned = new Set<number>();
  if (ids.length - 1 < minTokens) banned.add(eosId);
  if (n === 0) return banned;
  const from = ids.length - n + 1; // of the n-gram that the next token completes
  for (let at = 0; at < from; at++) {
    let same = 0;
    while (same < n - 1 && ids[at + same] === ids[from + same]) same++;
    if (same === n - 1) banned.add(ids[at + n - 1]!);
  }
  return banned;
}
