import assert from 'node:assert/strict';
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createInventory } from '../../device/inventory.js';
import { Refusal } from '../../schemas/refusal.js';
import { deviceFolder } from './device-rig.js';

const fields = { dialogueField: '', summaryField: '' };
const row = `${JSON.stringify({ dialogue: 'd'.repeat(500), summary: 's' })}\n`;

test('what a device holds is counted, and counted again when a file changes', async () => {
  const at = deviceFolder();
  const inventory = createInventory({ ...at, ...fields, cacheFile: join(at.folder, 'model.json') });
  assert.deepEqual({ ...(await inventory.take()), modelSha256: '' }, stock(5, 3));
  appendFileSync(at.data, row);
  assert.deepEqual({ ...(await inventory.take()), modelSha256: '' }, stock(6, 3));
  rmSync(at.evaluation);
  await assert.rejects(inventory.take(), /held-out\.jsonl: no such file/);
});

test('a large file is counted by a process of its own, whose refusal is ours', async () => {
  const at = deviceFolder();
  const inventory = createInventory({ ...at, ...fields, cacheFile: join(at.folder, 'model.json') });
  writeFileSync(at.data, row.repeat(1_000));
  assert.equal((await inventory.take()).trainExamples, 1_000);
  appendFileSync(at.data, 'no JSON\n');
  await assert.rejects(
    inventory.take(),
    (e) =>
      e instanceof Refusal && e.message === `${at.data} line 1001: not JSON: expected one JSON object a line`,
  );
});

test('a part that the device does not have has no shard', async () => {
  const at = deviceFolder();
  const settings = { ...at, ...fields, evaluation: '', cacheFile: join(at.folder, 'model.json') };
  const inventory = createInventory(settings);
  assert.equal((await inventory.take()).evaluationExamples, 0);
  assert.throws(() => inventory.shard('evaluation'), /holds no text to evaluate on/);
  assert.deepEqual(inventory.shard('data', 2), { path: at.data, ...fields, limit: 2 });
});

const stock = (trainExamples: number, evaluationExamples: number) => ({
  modelSha256: '',
  trainExamples,
  evaluationExamples,
});
