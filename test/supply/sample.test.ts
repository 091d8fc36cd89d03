import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readExamples } from '../../device/shards.js';
import { writeSamples } from '../../supply/sample.js';

const folder = mkdtempSync(join(tmpdir(), 'fleetune-sample-'));
after(() => rmSync(folder, { recursive: true }));
const names = { dialogueField: '', summaryField: '', tell: 'fields' } as const;

test('each sample device gets text of its own that a device can read', async () => {
  writeSamples(folder, 3);
  const files = ['1', '2', '3'].map((device) => join(folder, device, 'train.jsonl'));
  for (const file of files) assert.equal((await readExamples(file, names)).examples.length, 400);
  assert.equal(new Set(files.map((file) => readFileSync(file, 'utf8'))).size, 3);
  const heldOut = await readExamples(join(folder, '2', 'held-out.jsonl'), names);
  assert.equal(heldOut.examples.length, 32);
});
