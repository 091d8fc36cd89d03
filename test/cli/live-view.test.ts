import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nothingHeard, snapshot, withPresence } from '../../cli/live-state.js';
import { deviceLines, figuresLine, headline, lossLine, plain, sparkline } from '../../cli/live-text.js';
import { createLiveView } from '../../cli/live-view.js';
import { beforeAfter, memoryText, roundTable } from '../../cli/report.js';
import { secondsLeft } from '../../schemas/progress.js';
import { atMs, fleetAtWork, presence, record, score, status } from './live-samples.js';

test('the headline tells devices, round, time left, loss and bytes', () => {
  assert.equal(
    headline(snapshot(fleetAtWork(), atMs)),
    '2 devices · round 2 of 4: training (1 of 2 in) · about 30 s left · loss 2.250 (before 3.000) · 2.0 KiB up, 1.0 MiB down',
  );
  assert.equal(headline(snapshot(nothingHeard('home'), atMs)), '0 devices ready');
});

test('what devices measure is told beside it, with how many of them measure it', () => {
  assert.equal(
    figuresLine(snapshot(fleetAtWork(), atMs)),
    '1,200 tokens/s · 20.0 W (1 of 2 devices) · 60.0 tokens/J · links 1.0 KiB/s up, 2.0 KiB/s down · 61 °C',
  );
  assert.equal(figuresLine(snapshot(nothingHeard('home'), atMs)), '');
});

test('figures that are a minute old say nothing about now', () => {
  assert.equal(figuresLine(snapshot(fleetAtWork(), atMs + 60_000)), '');
});

test('a device’s line tells what it is doing, and what it measures', () => {
  const state = withPresence(fleetAtWork(), { ...presence, deviceId: 'c', online: false });
  const unfit = { ...presence, deviceId: 'd', problem: 'another \x1b[2Jmodel' };
  const lines = deviceLines(snapshot(withPresence(state, unfit), atMs).devices);
  assert.deepEqual(lines.slice(0, 4), [
    'device  doing                              loss  tokens/s     W  tokens/J   MFU  °C     up/s   down/s',
    'a       step 3 of 8                       2.000     1,200  20.0      60.0  42 %  61  1.0 KiB  2.0 KiB',
    'b       done',
    'c       away',
  ]);
  assert.match(lines[4]!, /^d {7}takes no task: another {2}\[2Jmodel$/);
});

test('a sparkline is as wide as there is room, its lowest bar the lowest value', () => {
  assert.equal(sparkline([4, 3, 2, 1], 10), '█▆▃▁');
  assert.equal(sparkline([4, 4, 0, 0, 2, 2], 3), '█▁▅');
  assert.equal(sparkline([5, 5], 3), '▄▄');
  assert.equal(lossLine(snapshot(fleetAtWork(), atMs), 80), '');
});

test('text of another machine can not command a terminal', () => {
  assert.equal(plain('a\x1b[31m\u202e\u2028b\n'), 'a [31m  b ');
  const why = { ...record, round: 1, refused: { barn: '\u001b[2Jgone\nround 2 closed' } };
  assert.match(roundTable([why]), /round 1, barn: {2}\[2Jgone round 2 closed$/);
});

test('time left is not guessed before a round has ended, nor after the run', () => {
  assert.equal(secondsLeft({ ...status, history: [] }, atMs), undefined);
  assert.equal(secondsLeft({ ...status, state: 'idle' }, atMs), undefined);
});

test('off a terminal a line comes only when the run gets further', () => {
  const written: string[] = [];
  const out = { write: (text: string) => written.push(text) } as unknown as NodeJS.WriteStream;
  const view = createLiveView(out, () => 0);
  const state = fleetAtWork();
  view.show(state);
  view.show(state);
  view.show({ ...state, status: { ...status, received: ['a', 'b'] } });
  assert.equal(written.length, 2);
});

test('off a terminal a run that stays where it is long tells what else changed, and never the same again', () => {
  const written: string[] = [];
  const out = { write: (text: string) => written.push(text) } as unknown as NodeJS.WriteStream;
  let nowMs = atMs;
  const view = createLiveView(out, () => nowMs);
  const state = { ...fleetAtWork(), status: { ...status, history: [] } }; // Nobody knows yet how long a round takes.
  for (const _ of Array.from({ length: 4 })) {
    view.show(state);
    nowMs += 20_000;
  }
  view.show(withPresence(state, { ...presence, deviceId: 'c' }));
  assert.equal(written.length, 2, written.join(''));
});

test('on a terminal the block is drawn over itself, a note stays above it, and nothing comes after the end', () => {
  const written: string[] = [];
  const out = { isTTY: true, columns: 40, write: (text: string) => written.push(text) };
  const view = createLiveView(out as unknown as NodeJS.WriteStream, () => atMs);
  view.show(fleetAtWork());
  view.note('a note');
  view.show(fleetAtWork());
  out.columns = 13; // Each of its five lines is at least one, those of 39 columns are three.
  view.close();
  const before = written.length;
  view.show(fleetAtWork());
  view.note('what comes of a run that was stopped');
  assert.equal(written.length, before);
  assert.deepEqual(
    written.map((text) => text.split('\n').every((line) => line.length < 40)),
    written.map(() => true),
  );
  const wiped = written.filter((text) => text.endsWith('\x1b[J'));
  assert.equal(wiped[0], '\x1b[5A\x1b[J');
  assert.ok(Number(/(\d+)A/.exec(wiped[1]!)![1]) > 9);
});

test('the table of rounds shows every number, and why a device was left out', () => {
  const text = roundTable([
    record,
    { ...record, round: 2, state: 'failed', reason: 'no quorum', joules: 12.4 },
  ]);
  assert.match(text, /^ +1 +1 of 2 +2\.5000 +2\.2500 +30\.00 +2\.0 KiB +1\.0 MiB +10\.0 +no sensor$/m);
  assert.match(text, /round 2 failed: no quorum/);
  assert.match(text, /round 1, b: its update is not finite/);
  assert.match(text, / 12$/m);
});

test('before → after is told in loss and ROUGE-L', () => {
  assert.equal(
    beforeAfter({ before: score, after: { ...score, loss: 1.5, rougeL: 25 } }),
    'before → after: loss 3.0000 → 1.5000 (× 0.50), ROUGE-L 20.00 → 25.00 (+5.00)',
  );
  assert.match(beforeAfter({ before: null, after: null }), /not evaluated/);
  const peaks = new Map([
    ['broker', 2 ** 20 * 60],
    ['demo', 0],
  ]);
  assert.equal(memoryText(peaks), 'peak memory: broker 60 MiB, demo not told here');
});
