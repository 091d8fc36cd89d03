import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readExamples } from '../../device/shards.js';
import { Refusal } from '../../schemas/refusal.js';

const root = mkdtempSync(join(tmpdir(), 'fleetune-shards-'));
after(() => rmSync(root, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(root, name);
  writeFileSync(path, content);
  return path;
}

/** What a refusal says, without the path before it. */
async function refusal(path: string, options = {}): Promise<string> {
  const error = await readExamples(path, options).then(
    () => assert.fail(`${path} was read`),
    (e: unknown) => e,
  );
  assert.ok(error instanceof Refusal, String(error));
  assert.ok(error.message.startsWith(path), error.message);
  return error.message.slice(path.length);
}

const rows = [
  { id: '1', dialogue: 'A: hi\r\nB: yo', summary: 'A and B greet.', topic: 'greeting' },
  { id: '2', dialogue: 'A: "quoted", [x] {y} \\', summary: ' Two. ', topic: 'marks' },
];
const expected = [
  { source: 'A: hi\nB: yo', target: 'A and B greet.', other: { id: '1', topic: 'greeting' } },
  { source: 'A: "quoted", [x] {y} \\', target: 'Two.', other: { id: '2', topic: 'marks' } },
];
const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
const forms = {
  'a JSON array': JSON.stringify(rows),
  'a JSON array over many lines': JSON.stringify(rows, null, 2).replaceAll('\n', '\r\n'),
  'JSON Lines': rows.map((row) => JSON.stringify(row)).join('\r\n'),
  CSV: ['id,dialogue,summary,topic', ...rows.map((row) => Object.values(row).map(quoted).join(','))].join(
    '\n',
  ),
  'CSV of semicolons': [
    'id;dialogue;summary;topic',
    ...rows.map((row) => Object.values(row).map(quoted).join(';')),
  ].join('\r\n'),
};

for (const [form, text] of Object.entries(forms)) {
  test(`${form} is read, gzipped or not, whatever its name`, async () => {
    const plain = await readExamples(file('x.bin', text));
    assert.deepEqual(plain.examples, expected);
    assert.equal(plain.fields.dialogue, 'dialogue');
    const zipped = await readExamples(file('y.csv', gzipSync(`\ufeff${text}`)));
    assert.deepEqual(zipped.examples, expected);
  });
}

test('an empty dialogue or summary is skipped and counted', async () => {
  const text =
    '{"dialogue":"a","summary":"b"}\n\n{"dialogue":" ","summary":"b"}\n{"dialogue":"c","summary":null}\n{}';
  const { examples, skipped } = await readExamples(file('empty.jsonl', text));
  assert.equal(examples.length, 1);
  assert.equal(skipped.empty, 3);
  assert.match(
    await refusal(file('all.jsonl', '{"dialogue":"","summary":"b"}')),
    /no example in it: each of its 1 rows/,
  );
});

test('fields are found by their usual names, or as they are named', async () => {
  const article = file('article.jsonl', '{"Article":"a","highlights":"b","gist":"c"}');
  assert.deepEqual((await readExamples(article)).fields, {
    dialogue: 'Article',
    summary: 'highlights',
    all: ['Article', 'highlights', 'gist'],
  });
  const named = await readExamples(article, { summaryField: 'gist' });
  assert.equal(named.examples[0]?.target, 'c');
  assert.match(
    await refusal(article, { summaryField: 'sumary', tell: 'fields' }),
    /no field named sumary: it has Article, highlights, gist/,
  );
  const odd = file('odd.jsonl', '{"talk":"a","gist":"b"}');
  assert.match(
    await refusal(odd, { tell: 'fields' }),
    /no field is called like a dialogue: it has talk, gist; name it with --dialogue-field/,
  );
  assert.equal((await readExamples(odd, { dialogueField: 'talk', summaryField: 'gist' })).examples.length, 1);
});

test('no more rows are taken than the limit says', async () => {
  assert.equal(
    (await readExamples(file('limit.json', forms['a JSON array']), { limit: 1 })).examples.length,
    1,
  );
});

test('what is none of the formats is refused by its line, and its text is not told', async () => {
  const good = '{"dialogue":"secret","summary":"b"}';
  const bad: [string, string, RegExp][] = [
    [
      'lines.jsonl',
      `${good}\n${good}\n{"dialogue":"secret" oops\n`,
      /^ line 3: not JSON: expected one JSON object a line$/,
    ],
    ['list.jsonl', `${good}\n["secret"]`, /^ line 2: not a JSON object/],
    [
      'array.json',
      `[\n${good},\n{"dialogue": secret}\n]`,
      /^ line 3: not JSON: expected an array of JSON objects$/,
    ],
    ['numbers.json', '[1,\n2]', /^ line 1: not a JSON object/],
    ['cut.json', `[\n${good},\n{"dialogue":"secret","su`, /^ line 3: the JSON array has no end/],
    ['more.json', `[${good}]\n\nsecret`, /^ line 3: something follows the end/],
    ['comma.json', `[${good},]`, /^ line 1: not JSON/],
    ['type.jsonl', `${good}\n{"dialogue":["secret"],"summary":"b"}`, /^ line 2: field dialogue is not text$/],
    [
      'ragged.csv',
      'dialogue,summary\na,b\nsecret,b,c\n',
      /^ line 3: not CSV as its header says \(record inconsistent/,
    ],
    [
      'quote.csv',
      'dialogue,summary\n"secret,b\n',
      /^ line \d: not CSV as its header says \(quote not closed\)$/,
    ],
    [
      'prose.txt',
      'Once upon a time secret\n',
      /^ line 1: neither JSON, JSON Lines nor the header of a CSV file$/,
    ],
    [
      'header-less.csv',
      'Anna: my secret is 4711, call me\nBen: yes, bye\n',
      /^: no field is called like a dialogue: it has 2 fields; name it with --dialogue-field$/,
    ],
    ['empty.txt', ' \n', /^: empty$/],
    ['none.json', '[]', /^: no rows in it$/],
  ];
  for (const [name, text, message] of bad) {
    const told = await refusal(file(name, text));
    assert.match(told, message);
    assert.doesNotMatch(told, /secret/);
  }
});

test('a missing file, a folder, broken gzip, binary and a file over the limit are refused', async () => {
  assert.equal(await refusal(join(root, 'nowhere.json')), ': no such file');
  mkdirSync(join(root, 'folder'));
  assert.match(await refusal(join(root, 'folder')), /^: a folder/);
  assert.match(await refusal(file('b.gz', gzipSync(forms.CSV).subarray(0, 60))), /^: a broken gzip file/);
  assert.match(await refusal(file('b.bin', Buffer.from([0x50, 0x4b, 0, 0]))), /^: not text, but binary/);
  assert.match(await refusal(file('l.txt', Buffer.from([0x7b, 0xff]))), /^: not text in UTF-8/);
  const path = file('l.json', forms['a JSON array']);
  const maxBytes = Buffer.byteLength(forms['a JSON array']);
  assert.equal((await readExamples(path, { maxBytes })).examples.length, 2);
  assert.match(await refusal(path, { maxBytes: maxBytes - 1 }), /more than \d+ bytes of text/);
  const bomb = file('bomb.gz', gzipSync(Buffer.alloc(100_000, '{')));
  assert.match(await refusal(bomb, { maxBytes: 10_000 }), /more than 10000 bytes of text/);
});

const shared = '../shared/data';
const skip = existsSync(shared) ? false : `${shared} is not here`;
const known: [string, number, number, string][] = [
  ['samsum/train.json.gz', 14_731, 1, 'summary'],
  ['samsum/val.json.gz', 818, 0, 'summary'],
  ['dialogsum/dialogsum.train.jsonl.gz', 12_460, 0, 'summary'],
  ['dialogsum/dialogsum.test.jsonl.gz', 500, 0, 'summary1'],
  ['mts-dialog/MTS-Dialog-TrainingSet.csv', 1_201, 0, 'section_text'],
];
for (const [name, count, empty, summary] of known) {
  test(`${name} loads as it is`, { skip }, async () => {
    const { examples, skipped, fields } = await readExamples(join(shared, name));
    assert.deepEqual([examples.length, skipped.empty, fields.summary], [count, empty, summary]);
    assert.ok(
      examples.every(({ source, target }) => source !== '' && target !== '' && !source.includes('\r\n')),
    );
  });
}
