import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { jetsons } from '../../bench/boards/jetsons.js';
import { plant } from '../../bench/boards/tree.js';
import { correlation } from '../../cli/sweep/statistics.js';
import { entry, fleetune } from './command.js';

async function withFolder(work: (out: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-bench-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const quick = [
  '--seconds',
  '0',
  '--repetitions',
  '2',
  '--warm-up',
  '1',
  '--threads',
  '1',
  '--base-bits',
  '32',
];

test('a small sweep of the built-in model writes a table, CSV, JSON and a plot', () =>
  withFolder(async (out) => {
    const sizes = ['--batch-sizes', '2,1', '--source-tokens', '16', '--target-tokens', '8', '--out', out];
    const { code, out: told, err } = await fleetune(['bench', ...sizes, ...quick]);
    assert.equal(code, 0, err);
    assert.match(err, /2 cells on 1 thread.*\n1\/2 {2}32 bits, source 16, batch 1: .* tokens\/s/);
    assert.match(told, /tokens\/s +step ms +min–max +fwd\+bwd +optimizer +data +MFU +peak MiB/);
    assert.match(told, /32 bits, source 16: batch 2 ran/);
    const { rows, ceilingGflops } = JSON.parse(await readFile(join(out, 'bench.json'), 'utf8'));
    assert.ok(ceilingGflops > 0);
    assert.deepEqual(
      rows.map(({ batch }: { batch: number }) => batch),
      [1, 2],
    );
    for (const row of rows) {
      assert.equal(row.state, 'measured');
      assert.equal(row.steps, 2);
      assert.ok(row.tokensPerSecond > 0 && row.peakRssMb > 20 && row.mfu > 0 && row.mfu < 1.5);
      const parts = row.forwardBackwardMs + row.optimizerMs + row.dataMs;
      assert.ok(parts > 0 && parts <= 1.5 * row.stepMs.max, `${parts} of ${row.stepMs.max}`);
    }
    assert.equal((await readFile(join(out, 'bench.csv'), 'utf8')).trimEnd().split('\r\n').length, 3);
    assert.match(await readFile(join(out, 'bench.svg'), 'utf8'), /<polyline/);
  }));

test('on a board with a power sensor it prints how MFU and η_e correlate over the batches', () =>
  withFolder(async (out) => {
    const { tree } = jetsons.find(({ name }) => name === 'AGX Orin, JetPack 6')!;
    const sizes = ['--batch-sizes', '1,2,4', '--source-tokens', '16', '--target-tokens', '8', '--out', out];
    const {
      code,
      out: told,
      err,
    } = await fleetune(['bench', ...sizes, ...quick, '--sensor-root', plant(tree)]);
    assert.equal(code, 0, err);
    assert.match(err, /power: ina3221;/);
    assert.match(told, /idle before the sweep: 18\.8 W; nothing of it is subtracted/);
    const { rows, powerSource, ceilingGflops } = JSON.parse(await readFile(join(out, 'bench.json'), 'utf8'));
    assert.equal(powerSource, 'ina3221');
    for (const { watts, tokensPerJoule, mfu, gflops } of rows) {
      assert.ok(Math.abs(watts - 18.8) < 1e-6 && tokensPerJoule > 0);
      assert.ok(Math.abs(mfu - gflops / ceilingGflops) < 1e-9);
    }
    const r = correlation(
      rows.map((row: { mfu: number; tokensPerJoule: number }) => [row.mfu, row.tokensPerJoule]),
    );
    assert.ok(
      told.includes(`MFU and tokens per joule correlate with r = ${r!.toFixed(2)} over 3 cells`),
      told,
    );
  }));

test('no cell is started that would not fit', () =>
  withFolder(async (out) => {
    const sizes = ['--batch-sizes', '1,512', '--source-tokens', '64', '--target-tokens', '8', '--out', out];
    const { code, out: told, err } = await fleetune(['bench', ...sizes, ...quick, '--max-memory-mb', '800']);
    assert.equal(code, 0, err);
    assert.match(told, /skipped: would take about [\d.]+ GiB of 0\.78 GiB/);
    assert.match(told, /32 bits, source 64: batch 1 ran/);
  }));

test('Ctrl-C leaves what was measured', () =>
  withFolder(async (out) => {
    const batches = Array.from({ length: 50 }, (_, i) => i + 1);
    const sizes = [
      '--batch-sizes',
      `${batches}`,
      '--source-tokens',
      '16',
      '--target-tokens',
      '8',
      '--out',
      out,
    ];
    const child = spawn(process.execPath, [entry, 'bench', ...sizes, ...quick]);
    let told = '';
    child.stderr.on('data', (bytes) => {
      told += bytes;
      if (told.includes('\n1/50 ')) child.kill('SIGINT');
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    const table = await text(child.stdout);
    assert.equal(await ended, 130, told);
    const { rows } = JSON.parse(await readFile(join(out, 'bench.json'), 'utf8'));
    assert.ok(rows.length > 0 && rows.length < 50, `${rows.length} rows`);
    assert.match(table, /32 bits, source 16: batch \d+ ran/);
  }));

test('all wrong numbers of the lists are told at once', async () => {
  const wrong = ['--batch-sizes', '0,two', '--source-tokens', '4', '--base-bits', '16'];
  const { code, err } = await fleetune(['bench', ...wrong]);
  assert.equal(code, 1);
  assert.match(err, /--batch-sizes: 0, two: expected whole numbers from 1 to 1024/);
  assert.match(err, /--source-tokens: 4: expected whole numbers from 8 to 8192/);
  assert.match(err, /--base-bits: 16: expected of 32, 8, 4/);
});

test('a folder that is no model is refused before anything is measured', async () => {
  const { code, err } = await fleetune(['bench', '--model', '/nowhere']);
  assert.equal(code, 1);
  assert.match(err, /\/nowhere\/config\.json: no such file/);
});
