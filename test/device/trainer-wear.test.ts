import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { createTrainer } from '../../device/trainer.js';
import { residentBytes, wornOut } from '../../device/trainer-wear.js';
import { modelFolder, newPath } from './engine/model-folder.js';
import { taskOf } from './fixtures.js';

const level = { sessionsOpened: 2, residentBytes: 100e6 };

test('a process is worn out when it has grown by more than a fifth since its sessions were opened', () => {
  assert.equal(wornOut(level, { ...level, residentBytes: 119e6 }), '');
  assert.match(wornOut(level, { ...level, residentBytes: 121e6 }), /grown by 21 %/);
  assert.equal(wornOut(level, { sessionsOpened: 3, residentBytes: 200e6 }), '', 'a new session is no growth');
  assert.equal(wornOut(undefined, level), '');
});

test('a process that has loaded the model often is worn out', () => {
  assert.equal(wornOut(undefined, { ...level, sessionsOpened: 23 }), '');
  assert.match(wornOut(undefined, { ...level, sessionsOpened: 24 }), /loaded the model 24 times/);
});

test('garbage is not counted as memory that a process holds', async () => {
  const before = await residentBytes();
  for (let i = 0; i < 20; i++) new Float32Array(2e6).fill(1);
  assert((await residentBytes()) < before + 40e6);
});

test('a real process that has loaded the model 24 times ends after its task; the next task has a fresh one', async (t) => {
  const told: unknown[] = [];
  const log = { info: (_message: string, facts?: object) => void told.push(facts), warn() {} };
  const engine = { threads: 1, memory: 'fast', baseBits: '32', recompute: false, provider: 'cpu' } as const;
  const trainer = createTrainer({ model: await modelFolder(), engine, idleS: 60, log });
  t.after(() => trainer.stop());
  const path = `${newPath()}.json`;
  await writeFile(path, JSON.stringify([{ dialogue: 'Ann: The pump leaks.', summary: 'A pump leaks.' }]));
  const pids = new Set<number>();
  // Each rank is a graph of its own, so a session too.
  for (let rank = 1; rank <= 25; rank++) {
    const task = taskOf({}, { lora: { rank, alpha: 4, targets: ['q'] } });
    const adapter = await trainer.init(task);
    pids.add(trainer.pid!);
    await trainer.train(task, adapter, { path, dialogueField: '', summaryField: '' }, () => {});
    assert.equal(pids.size, rank <= 24 ? 1 : 2, `at rank ${rank}`);
  }
  assert.deepEqual(told, [{ reason: 'it has loaded the model 24 times' }]);
});
