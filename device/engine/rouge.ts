import { l, n } from 'js-rouge';

/** F-measures in 0..100: of single words, of pairs, and of the longest common subsequence. */
export interface Rouge {
  rouge1: number;
  rouge2: number;
  rougeL: number;
}

// js-rouge throws beyond a million characters of n-grams, and ROUGE-L takes words × words.
const maxWords = 2_000;
const word = /[a-z0-9]{1,64}/g; // a longer run counts as several words

const options = { tokenizer: (text: string) => text.split(' '), segmenter: (text: string) => [text] };

/**
 * ROUGE of a prediction against its reference as google-research's rouge_score computes it without a stemmer:
 * the whole text is one sentence for ROUGE-L. A text without a letter a-z or a digit scores 0, and only the
 * first 2,000 words of a text count.
 * Source: https://github.com/google-research/google-research/tree/master/rouge
 */
export function rouge(prediction: string, reference: string): Rouge {
  const [ours, theirs] = [words(prediction), words(reference)];
  if (ours === '' || theirs === '') return { rouge1: 0, rouge2: 0, rougeL: 0 }; // js-rouge throws on these.
  return {
    rouge1: 100 * n(ours, theirs, { ...options, n: 1 }),
    rouge2: 100 * n(ours, theirs, { ...options, n: 2 }),
    rougeL: 100 * l(ours, theirs, options),
  };
}

/** google-research's tokens (rouge/tokenize.py), with one space between. */
function words(text: string): string {
  const found = text.toLowerCase().match(word) ?? [];
  return found.slice(0, maxWords).join(' ');
}
