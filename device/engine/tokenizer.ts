import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';
import { Refusal } from '../../schemas/refusal.js';

// The library overflows the stack at some 120,000 tokens of a text, and no token is near 64 characters long.
const maxCharacters = 65_536;
const maxCharactersPerToken = 64;

export interface Tokenizer {
  readonly eosId: number;
  readonly padId: number;
  /** One more than the highest id, to be held against the model's vocab_size. */
  readonly vocabSize: number;
  /** Ids of the text, always ending in </s>; at most `maxTokens` with it, and of `maxCharacters`. */
  encode(text: string, maxTokens: number): number[];
  /** The text of the ids. Special tokens (</s>, padding, <unk>, …) are left out unless asked for. */
  decode(ids: readonly number[], keepSpecial?: boolean): string;
}

interface Special {
  content: string;
}

interface TokenizerConfig {
  eos_token?: string | Special | null;
  pad_token?: string | Special | null;
}

/**
 * Opens a hub folder's tokenizer.json, with its tokenizer_config.json where there is one.
 * Refuses a folder without it and a file that is not a tokenizer or lacks </s> or padding.
 */
export async function openTokenizer(folder: string): Promise<Tokenizer> {
  const file = join(folder, 'tokenizer.json');
  const definition = await readObject(file);
  if (definition === null) {
    throw new Refusal(
      `${file} is missing: a model folder needs the tokenizer in the hub's tokenizer.json format`,
    );
  }
  const config: TokenizerConfig = (await readObject(join(folder, 'tokenizer_config.json'))) ?? {};
  const hub = build(file, definition, config);

  const eosId = idOf(hub, file, config.eos_token, '</s>');
  const padId = idOf(hub, file, config.pad_token, '<pad>');
  return {
    eosId,
    padId,
    vocabSize: hub.model?.vocab.length ?? 0,
    encode(text, maxTokens) {
      const { ids } = hub.encode(text.slice(0, Math.min(maxCharacters, maxTokens * maxCharactersPerToken)));
      const body = ids.at(-1) === eosId ? ids.slice(0, -1) : ids;
      return [...body.slice(0, maxTokens - 1), eosId];
    },
    decode(ids, keepSpecial = false) {
      const kept = keepSpecial ? [...ids] : ids.filter((id) => id !== eosId && id !== padId);
      return kept.length === 0 ? '' : hub.decode(kept, { skip_special_tokens: !keepSpecial });
    },
  };
}

/** The file's JSON object, or null where there is no such file. */
async function readObject(file: string): Promise<object | null> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new Refusal(`${file} cannot be read: ${error.message}`, { cause: error });
  });
  if (text === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Refusal(`${file} is not JSON: is it cut short, or a pointer of Git LFS? Fetch it again`, {
      cause: error,
    });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new Refusal(`${file} holds no JSON object; expected one as the hub's tokenizers library saves it`);
}

function build(file: string, definition: object, config: TokenizerConfig): HubTokenizer {
  try {
    return new HubTokenizer(definition, config);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Refusal(`${file} is no tokenizer as the hub's tokenizers library saves it: ${reason}`, {
      cause: error,
    });
  }
}

function idOf(
  hub: HubTokenizer,
  file: string,
  token: string | Special | null | undefined,
  usual: string,
): number {
  const content = (typeof token === 'object' ? token?.content : token) ?? usual;
  const id = hub.token_to_id(content);
  if (id === undefined) throw new Refusal(`${file} has no token ${content}, which every T5 needs`);
  return id;
}
