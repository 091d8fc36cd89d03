import { type Bpe, space, trainBpe } from './bpe.js';
import { pretrainingExamples } from './corpus.js';

const specialTokens = ['<pad>', '</s>', '<unk>'] as const;
const printableAscii = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i));
export const vocabularySize = 2048;

/** Trains the built-in tokenizer on sources and targets of the pretraining domains alone. Takes a few seconds. */
export function trainTokenizer(examples = 20_000, seed = 'tokenizer'): Bpe {
  const texts = pretrainingExamples(examples, seed).flatMap(({ dialogue, summary }) => [
    `summarize: ${dialogue}`,
    summary,
  ]);
  return trainBpe(texts, [...printableAscii, space], vocabularySize - specialTokens.length);
}

/** What the hub calls `tokenizer.json`. Ids: special tokens, alphabet, then merges in their order. */
export function tokenizerJson({ alphabet, merges }: Bpe): object {
  // Two pairs can join to one token: it has one id.
  const tokens = [
    ...new Set([...specialTokens, ...alphabet, ...merges.map(([left, right]) => left + right)]),
  ];
  const metaspace = { type: 'Metaspace', replacement: space, prepend_scheme: 'always', split: true };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    // biome-ignore format: one record a line
    added_tokens: specialTokens.map((content, id) => ({
      id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true,
    })),
    normalizer: { type: 'NFKC' },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'WhitespaceSplit' },
        metaspace,
        { type: 'Digits', individual_digits: true },
        { type: 'Split', pattern: { Regex: '[.,:;?!]' }, behavior: 'Isolated', invert: false },
      ],
    },
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: '</s>', type_id: 0 } }],
      pair: [
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: '</s>', type_id: 0 } },
        { Sequence: { id: 'B', type_id: 0 } },
        { SpecialToken: { id: '</s>', type_id: 0 } },
      ],
      special_tokens: { '</s>': { id: '</s>', ids: [1], tokens: ['</s>'] } },
    },
    decoder: metaspace,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<unk>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
}

/** What the hub calls `tokenizer_config.json`. A T5 class would add 100 sentinel tokens that the model lacks. */
export function tokenizerConfig(): object {
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    pad_token: '<pad>',
    eos_token: '</s>',
    unk_token: '<unk>',
    clean_up_tokenization_spaces: false,
    model_max_length: 512,
    model_input_names: ['input_ids', 'attention_mask'], // T5 takes no token types.
  };
}

/** The bytes of both files. */
export const tokenizerText = (content: object): string => `${JSON.stringify(content)}\n`;
