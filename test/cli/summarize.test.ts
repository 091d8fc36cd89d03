import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fleetune } from './command.js';

const folder = await mkdtemp(join(tmpdir(), 'fleetune-summarize-'));
after(() => rm(folder, { recursive: true }));
const dialogue = 'Anna: The boiler leaks again. Ben: I bring a new valve tomorrow at nine.';

test('a dialogue on standard input is summarized by a search as its flags say', async () => {
  const flags = [
    '--beams',
    '3',
    '--length-penalty',
    '2',
    '--no-repeat-ngram',
    '2',
    '--early-stopping',
    'never',
  ];
  const { code, out, err } = await fleetune(
    ['summarize', ...flags, '--min-target-tokens', '12', '--max-target-tokens', '12'],
    dialogue,
  );
  assert.equal(code, 0, err);
  assert(out.trim().split(/\s+/).length > 3 && out.endsWith('\n'), out);
});

test('rows of a file have a line each, in their order, whatever the batch', async () => {
  const file = join(folder, 'rows.jsonl');
  const rows = [dialogue, 'Eve: Is the lift of block 4 running? Tom: It is.', `${dialogue} Anna: Thanks!`];
  await writeFile(file, rows.map((text) => `${JSON.stringify({ dialogue: text })}\n`).join(''));
  const summaries = async (batch: string) =>
    (await fleetune(['summarize', '--json', '--batch-size', batch, '--max-target-tokens', '16', file])).out;
  const together = await summaries('3');
  assert.equal(together.trim().split('\n').length, 3);
  assert.equal(await summaries('1'), together);
});

test('options that fit no search are refused before a dialogue is asked for', async () => {
  const refused = async (...flags: string[]) => {
    const { code, err } = await fleetune(['summarize', '--model', '/nowhere', ...flags], dialogue);
    assert.notEqual(code, 0);
    return err;
  };
  assert.match(
    await refused('--length-penalty', '2', '--early-stopping', 'true'),
    /a length penalty of 2 ranks beams, expected more than 1 beam; early stopping \(true\) is about beams/,
  );
  assert.match(await refused('--min-target-tokens', '96'), /shortest summary is 96, .* from 0 to 95/);
  assert.match(await refused('--beams', '65'), /--beams: "65" is not a whole number from 1 to 64/);
});
