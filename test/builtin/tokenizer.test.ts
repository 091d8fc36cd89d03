import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Tokenizer } from '@huggingface/tokenizers';
import { allDomains } from '../../builtin/domains.js';
import { generate } from '../../builtin/text.js';
import { tokenizerConfig, tokenizerJson, tokenizerText, trainTokenizer } from '../../builtin/tokenizer.js';

const folder = new URL('../../../builtin/model/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8');
const tokenizer = new Tokenizer(
  JSON.parse(read('tokenizer.json')),
  JSON.parse(read('tokenizer_config.json')),
);
const encode = (text: string): number[] => tokenizer.encode(text).ids;
const decode = (ids: number[]): string => tokenizer.decode(ids, { skip_special_tokens: true });

test('training again gives the files in the repository, byte for byte', () => {
  assert.equal(tokenizerText(tokenizerJson(trainTokenizer())), read('tokenizer.json'));
  assert.equal(tokenizerText(tokenizerConfig()), read('tokenizer_config.json'));
});

test('it has 2,048 ids, with padding, end and unknown first, and ends every text', () => {
  assert.deepEqual(
    ['<pad>', '</s>', '<unk>'].map((token) => tokenizer.token_to_id(token)),
    [0, 1, 2],
  );
  assert.equal(tokenizer.get_vocab().size, 2048);
  assert.equal(encode('room 42').at(-1), 1);
});

test('all printable ASCII is known, and a letter that is not becomes unknown', () => {
  const ascii = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).join(' ');
  assert.ok(!encode(ascii).includes(2));
  assert.ok(encode('crème').includes(2));
});

test('decoding gives every generated text back, a new line as a space like in the hub’s T5', () => {
  for (const { id } of allDomains) {
    for (const { dialogue, summary } of generate({ domain: id, count: 150, seed: 5, split: 'train' })) {
      assert.equal(decode(encode(summary)), summary);
      assert.equal(decode(encode(dialogue)), dialogue.replaceAll('\n', ' '));
    }
  }
});

test('dialogues have at most 160 tokens and summaries 12 to 64', (t) => {
  for (const { id } of allDomains) {
    const examples = generate({ domain: id, count: 300, seed: 6, split: 'train' });
    const sources = examples.map(({ dialogue }) => encode(dialogue).length);
    const targets = examples.map(({ summary }) => encode(summary).length);
    t.diagnostic(`${id}: source ${spread(sources)}, target ${spread(targets)}`);
    assert.ok(Math.max(...sources) <= 160 && Math.min(...targets) >= 12 && Math.max(...targets) <= 64);
  }
});

function spread(lengths: number[]): string {
  const sorted = lengths.toSorted((a, b) => a - b);
  const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  return `mean ${mean.toFixed(0)}, 95% ${sorted[Math.floor(lengths.length * 0.95)]}, most ${sorted.at(-1)}`;
}
