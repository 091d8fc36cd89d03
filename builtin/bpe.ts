/** Merges in the order they were learnt; the vocabulary follows from alphabet and merges. */
export interface Bpe {
  readonly alphabet: readonly string[];
  readonly merges: readonly (readonly [left: string, right: string])[];
}

interface Word {
  readonly count: number;
  symbols: string[];
}

/** U+2581 stands for the space before a word. */
export const space = '\u2581';

/**
 * The pieces that merges stay inside, exactly as the written `tokenizer.json` cuts them:
 * words by white space, each digit alone, each mark of punctuation alone.
 */
export function pieces(text: string): string[] {
  return text
    .normalize('NFKC')
    .split(/\s+/)
    .filter((word) => word !== '')
    .flatMap((word) => `${space}${word}`.match(/\d|[.,:;?!]|[^\d.,:;?!]+/g) ?? []);
}

/**
 * Byte-pair encoding (Sennrich et al., 2016) over counted words: joins the most frequent pair, again and again, until
 * alphabet + merges = `size` or every word is one piece. Ties go to the pair that sorts first, so the result depends on the text alone.
 * A pair must occur at least twice.
 */
export function trainBpe(texts: Iterable<string>, alphabet: readonly string[], size: number): Bpe {
  const words = countWords(texts, new Set(alphabet));
  const merges: [string, string][] = [];
  const known = new Set(alphabet);
  const counts = new Map<string, number>();
  const holders = new Map<string, Set<Word>>();
  for (const word of words) for (const pair of pairsOf(word)) count(pair, word, 1);

  while (known.size < size) {
    const best = mostFrequent(counts);
    if (best === undefined) break;
    const [left, right] = best.split(' ') as [string, string];
    merges.push([left, right]);
    known.add(left + right);
    for (const word of holders.get(best) ?? []) {
      for (const pair of pairsOf(word)) count(pair, word, -1);
      word.symbols = joined(word.symbols, left, right);
      for (const pair of pairsOf(word)) count(pair, word, 1);
    }
    counts.delete(best);
  }
  return { alphabet, merges };

  function count(pair: string, word: Word, sign: 1 | -1): void {
    counts.set(pair, (counts.get(pair) ?? 0) + sign * word.count);
    const held = holders.get(pair);
    if (held === undefined) holders.set(pair, new Set([word]));
    else if (sign > 0) held.add(word);
  }
}

function countWords(texts: Iterable<string>, alphabet: ReadonlySet<string>): Word[] {
  const counts = new Map<string, number>();
  for (const text of texts) for (const piece of pieces(text)) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  return [...counts]
    .map(([piece, count]) => ({ count, symbols: [...piece] }))
    .filter(({ symbols }) => symbols.every((symbol) => alphabet.has(symbol)));
}

const pairsOf = ({ symbols }: Word): string[] => symbols.slice(1).map((right, i) => `${symbols[i]} ${right}`);

function mostFrequent(counts: ReadonlyMap<string, number>): string | undefined {
  let best: string | undefined;
  let most = 1;
  for (const [pair, count] of counts) {
    if (count > most || (count === most && best !== undefined && pair < best)) [best, most] = [pair, count];
  }
  return best;
}

function joined(symbols: readonly string[], left: string, right: string): string[] {
  const out: string[] = [];
  for (const symbol of symbols) {
    if (symbol === right && out.at(-1) === left) out[out.length - 1] = left + right;
    else out.push(symbol);
  }
  return out;
}
