import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { plant as board } from '../../bench/boards/tree.js';
import { builtinModel } from '../../cli/builtin-model.js';
import { readProcessor } from '../../device/cores.js';
import { nothingMeasured } from '../../device/energy.js';
import { mfuOf, openPeak, type PeakSettings, tablePeak } from '../../device/peak.js';
import { createLog } from '../../runtime/log.js';
import { Events } from '../broker/rig.js';
import { modelMissing } from '../fleet/fleet.js';
import { armCores } from './boards.js';

const folder = mkdtempSync(join(tmpdir(), 'fleetune-peak-'));
after(() => rmSync(folder, { recursive: true }));

test('the table holds the clocks and cores of the power mode: an AGX Orin, worked by hand', async () => {
  const gflops = async (cores: number, mhz: number, threads = 12) =>
    tablePeak(await readProcessor(board(armCores('0xd42', cores, mhz))), threads);
  assert.equal((await gflops(12, 2201.6))?.toFixed(1), '422.7'); // MAXN: 12 · 2.2016 GHz · 16
  assert.equal((await gflops(12, 1497.6))?.toFixed(1), '287.5'); // 50 W
  assert.equal((await gflops(8, 1728))?.toFixed(1), '221.2'); // 30 W
  assert.equal((await gflops(4, 1113.6))?.toFixed(1), '71.3'); // 15 W
  assert.equal((await gflops(12, 2201.6, 3))?.toFixed(1), '105.7'); // A trainer of three threads.
});

test('a core that the table lacks, or whose clock nobody tells, has no peak of the table', async () => {
  const peak = async (root: string) => tablePeak(await readProcessor(root), 4);
  assert.equal(await peak(board(armCores('0xd4f', 4, 2000))), undefined);
  assert.equal(await peak(board(armCores('0xd42', 4))), undefined);
  const pc = 'processor\t: 0\nmodel name\t: Some PC\n\nprocessor\t: 1\nmodel name\t: Some PC\n';
  assert.equal(await peak(board({ 'proc/cpuinfo': pc })), undefined);
  assert.equal(await peak(board({})), undefined);
});

test('MFU is the formula’s FLOPs per second by the peak, or absent', () => {
  const peak = { gflops: 400, source: 'table' } as const;
  assert.equal(mfuOf(1e12, 10, peak), 0.25);
  for (const [flops, seconds, of] of [
    [undefined, 10, peak],
    [0, 10, peak],
    [1e12, 0, peak],
    [1e12, 10, undefined],
  ] as const)
    assert.equal(mfuOf(flops, seconds, of), undefined);
});

interface Setting extends Partial<PeakSettings> {
  file: string;
}

/** A book and what it logs. */
async function bookOf(change: Setting) {
  const logged = new Events<Record<string, unknown>>();
  const log = createLog('device', (line) => logged.add(JSON.parse(line)));
  const root = board({ 'proc/cpuinfo': 'processor\t: 0\nmodel name\t: Some PC\n' });
  const usual = {
    peakGflops: 0,
    provider: 'cpu',
    threads: 1,
    model: 'm',
    root,
    restMs: 0,
    measure: nothingMeasured,
  };
  return { book: await openPeak({ ...usual, ...change }, log), logged };
}

const script = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

test('what is set goes before the table, and the table before what was measured', async () => {
  const file = script('known.json', JSON.stringify({ 'Some PC, 1 × ? MHz, 1 thread': 55 }));
  const orin = board(armCores('0xd42', 4, 1000));
  const of = async (change: Partial<PeakSettings>) => (await bookOf({ file, ...change })).book.current();
  assert.deepEqual(await of({ peakGflops: 7, root: orin }), { gflops: 7, source: 'setting' });
  assert.deepEqual(await of({ root: orin, threads: 4 }), { gflops: 64, source: 'table' });
  assert.deepEqual(await of({}), { gflops: 55, source: 'measured' });
  assert.equal(await of({ threads: 2 }), undefined); // Measured with one thread only.
  assert.equal(await of({ provider: 'cuda', root: orin }), undefined);
  assert.equal((await of({ provider: 'cuda', peakGflops: 7 }))?.gflops, 7);
});

test('a device at rest measures what nobody knows, once, and says and keeps it', async () => {
  const file = join(folder, 'measured.json');
  const path = script('quick.mjs', 'process.send({ gflops: 12.5 }, () => process.exit(0));');
  const { book, logged } = await bookOf({ file, script: path });
  assert.equal(await book.current(), undefined);
  book.rest();
  const [said] = await logged.count(1);
  assert.match(`${said?.message}`, /peak of this processor measured/);
  assert.deepEqual([said?.gflops, said?.conditions], [12.5, 'Some PC, 1 × ? MHz, 1 thread']);
  assert.deepEqual(await book.current(), { gflops: 12.5, source: 'measured' });
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { 'Some PC, 1 × ? MHz, 1 thread': 12.5 });
});

test('what the board draws while its peak is measured is no idleness', async () => {
  const path = script('told.mjs', 'process.send({ gflops: 1 }, () => process.exit(0));');
  const seen = new Events<string>();
  const measure = () => {
    seen.add('begins');
    return { ...nothingMeasured(), end: async () => void seen.add('ends') };
  };
  const { book } = await bookOf({ file: join(folder, 'energy.json'), script: path, measure });
  book.rest();
  assert.deepEqual(await seen.count(2), ['begins', 'ends']);
});

test('a task that comes ends the measuring; at the next rest it begins again', async () => {
  const marker = join(folder, 'pid');
  const hang = `import { writeFileSync } from 'node:fs';
    writeFileSync(${JSON.stringify(marker)}, String(process.pid));
    setInterval(() => {}, 1000);`;
  const { book, logged } = await bookOf({
    file: join(folder, 'none.json'),
    script: script('hang.mjs', hang),
  });
  const started = async () => {
    while (!existsSync(marker) || readFileSync(marker, 'utf8') === '') await new Promise(setImmediate);
    const pid = Number(readFileSync(marker, 'utf8'));
    rmSync(marker);
    return pid;
  };
  book.rest();
  const first = await started();
  book.busy();
  while (isAlive(first)) await new Promise(setImmediate);
  book.rest();
  const second = await started();
  assert.notEqual(second, first);
  book.stop();
  while (isAlive(second)) await new Promise(setImmediate);
  assert.deepEqual([logged.all, await book.current()], [[], undefined]);
});

test('where measuring fails, that is said once and there is no MFU', async () => {
  const path = script('broken.mjs', 'process.exit(1);');
  const { book, logged } = await bookOf({ file: join(folder, 'failed.json'), script: path });
  book.rest();
  assert.match(`${(await logged.count(1))[0]?.message}`, /could not be measured: no MFU/);
  assert.equal(await book.current(), undefined);
});

test('this machine’s peak is measured by the engine’s own products', {
  skip: modelMissing ?? false,
}, async () => {
  const { book, logged } = await bookOf({ file: join(folder, 'real.json'), model: builtinModel });
  book.rest();
  const { gflops } = await logged.find(({ message }) => `${message}`.includes('measured'));
  assert.ok(Number(gflops) > 0.1 && Number(gflops) < 10_000, `${gflops} GFLOP/s`);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
