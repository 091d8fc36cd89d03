import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { dealEvenly, dealText } from '../../cli/dealing.js';
import { demoDefaults, readDemoSettings } from '../../cli/demo-settings.js';
import { writeDeviceFolder } from '../../cli/fleet.js';
import { readExamples } from '../../device/shards.js';

const title = { name: 'fleetune demo', summary: '' };
const read = (...argv: string[]) => readDemoSettings(argv, title, {});

async function inFolder(work: (folder: string) => Promise<void>) {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-demo-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test('a flag goes before the preset, the preset before the demo’s defaults', () => {
  const { run } = read('--preset', 'paper', '--epochs', '2');
  assert.deepEqual([run.epochs, run.batchSize, run.optimizer], [2, 1, 'fedadamw']);
  assert.equal(run.rounds, demoDefaults.builtin.rounds);
  assert.equal(read('--learning-rate', '0.5').run.learningRate, 0.5);
});

test('what the demo takes by default depends on its text and its model', () => {
  assert.equal(read().run.maxTargetTokens, demoDefaults.builtin.maxTargetTokens);
  assert.equal(read('--data', 'x.json').run.rounds, demoDefaults.text.rounds);
  assert.equal(read('--model', 'x', '--data', 'x.json').run.steps, demoDefaults.model.steps);
  assert.equal(read('--model', 'x', '--steps', '7').run.steps, 7);
});

test('a round waits for all devices of the demo, and all are invited', () => {
  const { run } = read('--devices', '5');
  assert.deepEqual([run.minDevices, run.devices, run.fraction], [5, 0, 1]);
});

test('flags that make no sense together are refused', () => {
  assert.throws(() => read('--eval', 'x.json'), { name: 'Refusal', message: /--eval .* --data/ });
  assert.throws(() => read('--data', 'x', '--split', 'field'), { name: 'Refusal', message: /--split-field/ });
  assert.throws(() => read('--split', 'dirichlet'), {
    name: 'Refusal',
    message: /--split dirichlet deals .* --data/,
  });
  assert.throws(() => read('--data', 'x', '--split-field', 'topic'), { name: 'Refusal' });
});

test('the built-in text: a shard for each device, and held-out dialogues that are dealt evenly', async () => {
  const { devices, scored, heldOut } = await dealText(read('--examples', '5', '--evaluation-examples', '2'));
  assert.deepEqual(
    devices.map(({ train, heldOut }) => [train.length, heldOut.length]),
    [
      [5, 2],
      [5, 2],
      [5, 2],
    ],
  );
  assert.deepEqual([scored, heldOut], [6, 6]);
  const about = devices.map(({ about }) => about);
  assert.equal(new Set(about).size, 3, 'three shards of three domains');
});

test('own files: empty rows are told, the subset that is scored is bounded, parts are seeded', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'rows.json');
    const rows = Array.from({ length: 40 }, (_, i) => ({
      dialogue: i === 3 ? '' : `A: ${i}`,
      summary: `${i}`,
    }));
    await writeFile(path, JSON.stringify(rows));
    const flags = ['--data', path, '--eval', path, '--evaluation-examples', '3', '--devices', '2'];
    const dealt = await dealText(read(...flags));
    assert.deepEqual([dealt.scored, dealt.heldOut], [6, 39]);
    assert.match(dealt.notes.join(), /rows without a dialogue or a summary, skipped: 1/);
    assert.equal(
      dealt.devices.reduce((sum, { train }) => sum + train.length, 0),
      39,
    );
    assert.deepEqual(await dealText(read(...flags)), dealt);
    assert.notDeepEqual(await dealText(read(...flags, '--seed', '2')), dealt);
  });
});

test('without a held-out file a tenth is held out, and is in no shard', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'rows.jsonl');
    const rows = Array.from({ length: 30 }, (_, i) =>
      JSON.stringify({ dialogue: `A: ${i}`, summary: `${i}` }),
    );
    await writeFile(path, rows.join('\n'));
    const { devices, heldOut } = await dealText(read('--data', path));
    assert.equal(heldOut, 3);
    const trained = devices.flatMap(({ train }) => train.map(({ source }) => source));
    const held = devices.flatMap(({ heldOut }) => heldOut.map(({ source }) => source));
    assert.equal(trained.length, 27);
    assert.deepEqual(
      held.filter((source) => trained.includes(source)),
      [],
    );
  });
});

test('parts of a deal differ by one at most and keep to the limit', () => {
  assert.deepEqual(dealEvenly([1, 2, 3, 4, 5], 2, 0), [
    [1, 3, 5],
    [2, 4],
  ]);
  assert.deepEqual(dealEvenly([1, 2, 3, 4, 5], 2, 1), [[1], [2]]);
  assert.deepEqual(dealEvenly([1], 2, 0), [[1], []]);
});

test('a device’s folder holds its text as the device service reads it', async () => {
  await inFolder(async (folder) => {
    const example = { source: 'A: "yes"\nB: no', target: 'A says yes.' };
    const device = await writeDeviceFolder('d', join(folder, 'd'), { train: [example], heldOut: [] });
    assert.equal(device.heldOut, 0);
    const { examples } = await readExamples(join(folder, 'd', 'train.jsonl'));
    assert.deepEqual(examples, [{ ...example, other: {} }]);
    assert.equal(await readFile(join(folder, 'd', 'held-out.jsonl'), 'utf8'), '');
  });
});
