import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { factsOf } from '../../cli/report/facts.js';
import { spread } from '../../cli/report/lines.js';
import { html } from '../../cli/report/markup.js';
import { readPoints } from '../../cli/report/points.js';
import { pointOf } from '../../schemas/measurements.js';
import { fleetune } from './command.js';
import { samplePoints, sampleSummary, startedMs, writeRun } from './report-sample.js';

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'fleetune-report-'));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

test('a report is made by name, by path and of the latest, beside the run or where it is wanted', async (t) => {
  const runs = await folder(t);
  const summary = sampleSummary();
  const home = await writeRun(runs, summary, samplePoints(summary));
  const older = sampleSummary({ run: 'older', endedAt: new Date(startedMs).toISOString() });
  await writeRun(runs, older, samplePoints(summary));
  const bytes = Buffer.from('an adapter');
  await mkdir(join(home, 'adapter'));
  await writeFile(join(home, 'adapter', 'adapter_model.safetensors'), bytes);

  const latest = await fleetune(['report', 'latest', '--runs', runs]);
  assert.deepEqual([latest.code, latest.err], [0, '']);
  assert.match(latest.out, /report\.html: \d+\.\d KiB\n$/);
  const page = await readFile(join(home, 'report.html'), 'utf8');
  assert.match(page, /another checksum: it was changed since/);
  assert.match(page, /1,352 points/);

  const sha256 = createHash('sha256').update(bytes).digest('hex');
  await writeRun(
    runs,
    { ...summary, adapter: { path: 'adapter', version: 8, sha256 } },
    samplePoints(summary),
  );
  const out = join(runs, 'elsewhere.html');
  assert.equal((await fleetune(['report', home, '--out', out])).code, 0);
  assert.match(await readFile(out, 'utf8'), /beside this run has this checksum/);
  assert.equal((await fleetune(['report', 'older', '--runs', runs])).code, 0);
  assert.ok(existsSync(join(runs, 'older', 'report.html')));
});

test('what can’t be reported is refused with what was wrong and what to give', async (t) => {
  const runs = await folder(t);
  const refused = async (argv: string[], pattern: RegExp) => {
    const { code, out, err } = await fleetune(['report', ...argv, '--runs', runs]);
    assert.notEqual(code, 0);
    assert.equal(out, '');
    assert.match(err, pattern);
    assert.doesNotMatch(err, /\n {4}at /);
  };
  await refused([], /which run\? Give its name, "latest", or the path/);
  await refused(['latest'], /there is no run in .*--runs/);
  const home = await writeRun(runs, sampleSummary());
  await refused(
    ['20260301-100000-ab13'],
    /no run "20260301-100000-ab13": did you mean 20260301-100000-ab12\?/,
  );
  await refused([runs], /is no run’s folder: it has no summary\.json/);
  await refused(['latest', '--out', runs], /is a folder: give a file/);
  await refused(['latest', '--out', join(runs, 'none', 'x.html')], /there is no folder .*none for x\.html/);
  await refused(['latest', '--telemetry', join(runs, 'none')], /--telemetry: there is no folder/);
  await refused(['latest', 'older'], /older: a word that belongs to no flag/);
  await mkdir(join(runs, 'open'));
  await writeFile(join(runs, 'open', 'journal.jsonl'), '');
  await refused(['open'], /run open has not ended: fleetune watch shows it/);
  await writeFile(join(home, 'summary.json'), '{"format":1,');
  await refused(['20260301-100000-ab12'], /summary\.json is no run’s summary: it is not JSON/);
  await writeFile(
    join(home, 'summary.json'),
    JSON.stringify({ ...sampleSummary(), rounds: [{ round: 'one' }] }),
  );
  await refused(
    ['20260301-100000-ab12'],
    /rounds\[0\]\.round: expected a number; rounds\[0\]\.state: expected closed or failed/,
  );
});

test('points are those of the run, each once, of its time; a half line and others’ are passed over', async (t) => {
  const runs = await folder(t);
  const summary = sampleSummary();
  const points = samplePoints(summary);
  const late = pointOf(
    'power',
    { device: 'pi-5', rail: 'total' },
    { watts: 9 },
    Date.parse(summary.endedAt) + 1,
  );
  const rail = pointOf('power', { device: 'pi-5', rail: 'cpu' }, { watts: 9 }, startedMs);
  const other = pointOf('training', { device: 'pi-5', run: 'other' }, { step: 1, loss: 1 }, startedMs);
  await writeRun(runs, summary, [...points, ...points.slice(0, 50), late, rail, other]);
  const read = await readPoints([join(runs, 'telemetry')], summary);
  assert.equal(read.points.length, points.length);
  assert.equal(read.cut, false);
});

test('joules, tokens and efficiency are sums by hand; a device without a sensor makes it no better', () => {
  const [round] = sampleSummary().rounds;
  const summary = sampleSummary({ rounds: [{ ...round!, joules: 500 }] });
  const task = (device: string, tokens: number, joules?: number) =>
    pointOf(
      'task',
      { device, run: summary.run, kind: 'train' },
      { round: 1, tokens, joules, seconds: 2 },
      startedMs,
    );
  const moved = (device: string, fields: { up_s?: number; bytes_down?: number; network_joules?: number }) =>
    pointOf('network', { device, run: summary.run, kind: 'train' }, { round: 1, ...fields }, startedMs);
  const facts = factsOf(summary, [
    task('agx-orin', 1000, 500),
    task('pi-5', 4000),
    moved('pi-5', { up_s: 1, network_joules: 3 }),
    moved('pi-5', { bytes_down: 70, network_joules: 4 }),
  ]);
  assert.equal(facts.totals.tokens, 5000);
  assert.equal(facts.totals.joules, 500);
  assert.equal(facts.totals.networkJoules, 7);
  assert.equal(facts.totals.tokensPerJoule, 2);
  const pi = facts.devices.find(({ device }) => device === 'pi-5')!;
  assert.deepEqual([pi.transferS, pi.bytesDown, pi.bytesUp, pi.joules], [1, 70, null, null]);
});

test('rounds’ steps follow one another', () => {
  const summary = sampleSummary();
  const step = (round: number, at: number) =>
    pointOf(
      'training',
      { device: 'a', run: summary.run },
      { round, step: at, steps: 3, loss: round },
      startedMs,
    );
  const { losses } = factsOf(summary, [step(2, 1), step(1, 1), step(1, 2)]);
  assert.deepEqual(losses, [
    {
      device: 'a',
      points: [
        [1, 1],
        [2, 1],
        [4, 2],
      ],
    },
  ]);
});

test('labels at the ends of lines stand apart, in the order of their lines, inside the plot', () => {
  const places = spread([170, 40, 171, 172], 28);
  const sorted = [places[1]!, places[0]!, places[2]!, places[3]!];
  assert.ok(sorted.every((y, i) => i === 0 || y - sorted[i - 1]! >= 28));
  assert.ok(Math.max(...places) <= 182);
});

test('a template escapes all values but markup', () => {
  assert.equal(
    html`<b title="${'"<'}">${[html`<i/>`, '&', 1, null]}</b>`.text,
    '<b title="&quot;&lt;"><i/>&amp;1</b>',
  );
});
