import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openTokenizer } from '../../../device/engine/tokenizer.js';
import { Refusal } from '../../../schemas/refusal.js';

const t5 = '../shared/data/t5-tokenizer';
const skip = existsSync(join(t5, 'vectors.json')) ? false : `T5's tokenizer is not there: ${t5}`;

/** A unigram tokenizer of a few pieces, in the hub's format. */
const definition = {
  added_tokens: ['<pad>', '</s>', '<unk>'].map((content, id) => ({
    id,
    content,
    special: content === '<unk>',
  })),
  normalizer: null,
  pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
  post_processor: null,
  decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
  model: {
    type: 'Unigram',
    unk_id: 2,
    vocab: [
      ['<pad>', 0],
      ['</s>', 0],
      ['<unk>', 0],
      ['▁', -4],
      ['▁a', -1],
      ['▁pump', -2],
      ['s', -3],
    ],
  },
};

let folder = '';
const file = (name: string) => join(folder, name);

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fleetune-tokenizer-'));
  await writeFile(file('tokenizer.json'), JSON.stringify(definition));
});
after(() => rm(folder, { recursive: true }));

test('a text ends in </s>, also where the file adds none, and where the text is empty or cut', async () => {
  const tokenizer = await openTokenizer(folder);
  assert.deepEqual(tokenizer.encode('a pumps', 16), [4, 5, 6, 1]);
  assert.deepEqual(tokenizer.encode('a pumps', 3), [4, 5, 1]);
  assert.deepEqual(tokenizer.encode('a pumps', 1), [1]);
  assert.deepEqual(tokenizer.encode('', 16), [1]);
  assert.equal(tokenizer.vocabSize, 7);
});

test('decoding leaves out padding, </s> and <unk>, and knows the empty text', async () => {
  const tokenizer = await openTokenizer(folder);
  assert.equal(tokenizer.decode([0, 4, 5, 2, 6, 1, 0, 0]), 'a pumps');
  assert.equal(tokenizer.decode([4, 2, 1], true), 'a<unk></s>');
  assert.equal(tokenizer.decode([]), '');
  assert.equal(tokenizer.decode([0, 1]), '');
});

test('a text of a million words is cut, not a stack overflow', async () => {
  const tokenizer = await openTokenizer(folder);
  assert.equal(tokenizer.encode('a '.repeat(1_000_000), 512).length, 512);
});

test('tokenizer_config.json names the tokens that end and pad', async () => {
  const other = await mkdtemp(join(folder, 'named-'));
  await writeFile(join(other, 'tokenizer.json'), JSON.stringify(definition));
  await writeFile(join(other, 'tokenizer_config.json'), JSON.stringify({ eos_token: { content: 's' } }));
  assert.equal((await openTokenizer(other)).eosId, 6);
});

for (const [what, text, expected] of [
  ['a missing file', null, /tokenizer\.json is missing: a model folder needs/],
  ['a truncated file', JSON.stringify(definition).slice(0, -9), /tokenizer\.json is not JSON/],
  ['an array', '[]', /tokenizer\.json holds no JSON object/],
  ['some other JSON', '{"model":{}}', /tokenizer\.json is no tokenizer/],
  [
    'a tokenizer without </s>',
    JSON.stringify({ ...definition, added_tokens: [] }).replace('</s>', 'x'),
    /no token <\/s>/,
  ],
] as const) {
  test(`${what} is refused by the file's name, in one line`, async () => {
    const bad = await mkdtemp(join(folder, 'bad-'));
    if (text !== null) await writeFile(join(bad, 'tokenizer.json'), text);
    await assert.rejects(openTokenizer(bad), (error: unknown) => {
      assert.ok(error instanceof Refusal);
      assert.match(error.message, expected);
      assert.ok(error.message.startsWith(join(bad, 'tokenizer.json')) && !error.message.includes('\n'));
      return true;
    });
  });
}

test("T5's 1000 reference texts get the reference ids; decoding differs only in spacing beside <unk>", {
  skip,
}, async () => {
  const tokenizer = await openTokenizer(t5);
  const vectors: [string, number[], string][] = JSON.parse(await readFile(join(t5, 'vectors.json'), 'utf8'));
  assert.equal(vectors.length, 1000);
  const closed = (text: string) => text.replace(/ *<unk> */g, '<unk>');
  let respaced = 0;
  for (const [text, ids, decoded] of vectors) {
    assert.deepEqual(tokenizer.encode(text, 512), ids);
    const ours = tokenizer.decode(ids, true);
    if (ours === decoded) continue;
    respaced++;
    assert.equal(closed(ours), closed(decoded));
    assert.ok(ids.includes(2), `differs without an <unk>: ${text}`);
  }
  assert.equal(respaced, 20);
});
