import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Journal, readJournal } from '../../coordinator/journal.js';
import { Refusal } from '../../schemas/refusal.js';

interface Entry {
  kind: string;
  n: number;
}
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fleetune-journal-'));
});
after(() => rm(folder, { recursive: true }));

async function written(name: string, count: number): Promise<string> {
  const path = join(folder, name);
  const journal = await Journal.open<Entry>(path, 0);
  for (let n = 0; n < count; n++) await journal.append({ kind: 'entry', n });
  await journal.close();
  return path;
}

test('entries are read back in order', async () => {
  const { entries, torn } = await readJournal<Entry>(await written('order', 3));
  assert.deepEqual(
    entries.map((e) => e.n),
    [0, 1, 2],
  );
  assert.equal(torn, false);
});

test('a journal cut at any byte loses only entries that were not whole', async () => {
  const path = await written('cut', 3);
  const bytes = await readFile(path);
  for (let length = 0; length < bytes.length; length++) {
    await writeFile(path, bytes.subarray(0, length));
    const { entries, wholeBytes, torn } = await readJournal<Entry>(path);
    const whole = bytes.subarray(0, length).filter((byte) => byte === 10).length;
    assert.equal(entries.length, whole);
    assert.equal(torn, wholeBytes < length);
    const journal = await Journal.open<Entry>(path, wholeBytes);
    await journal.append({ kind: 'entry', n: 99 });
    await journal.close();
    const again = await readJournal<Entry>(path);
    assert.equal(again.torn, false);
    assert.equal(again.entries.at(-1)?.n, 99);
    assert.equal(again.entries.length, whole + 1);
  }
});

test('an unreadable last line is left out', async () => {
  const path = await written('last', 2);
  await appendFile(path, '\0\0\0\0\n');
  const { entries, torn } = await readJournal<Entry>(path);
  assert.equal(entries.length, 2);
  assert.equal(torn, true);
});

test('a damaged middle is refused by its line', async () => {
  const path = await written('middle', 3);
  const lines = (await readFile(path, 'utf8')).split('\n');
  lines[1] = '{"kind":"ent';
  await writeFile(path, lines.join('\n'));
  await assert.rejects(
    readJournal(path),
    (error) => error instanceof Refusal && /line 2 is damaged/.test(error.message),
  );
});

test('who had a journal before, and only stood still, writes into none that counts', async () => {
  const path = await written('frozen', 1);
  const { wholeBytes } = await readJournal<Entry>(path);
  const frozen = await Journal.open<Entry>(path, wholeBytes);
  const journal = await Journal.open<Entry>(path, wholeBytes);
  await journal.append({ kind: 'entry', n: 1 });
  await frozen.append({ kind: 'entry of another', n: 7 });
  await journal.append({ kind: 'entry', n: 2 });
  const { entries } = await readJournal<Entry>(path);
  assert.deepEqual(
    entries.map(({ n }) => n),
    [0, 1, 2],
  );
  await Promise.all([frozen.close(), journal.close()]);
});
