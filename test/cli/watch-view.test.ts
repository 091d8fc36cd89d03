import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { eventsBetween } from '../../cli/live-events.js';
import { painted, screenLines } from '../../cli/live-frame.js';
import { type LiveState, nothingHeard, snapshot, withPresence, withTelemetry } from '../../cli/live-state.js';
import { createWatchView } from '../../cli/watch-view.js';
import type { LiveSnapshot } from '../../schemas/live.js';
import type { RunSummary } from '../../schemas/status.js';
import { atMs, fleetAtWork, presence, record, score, status } from './live-samples.js';

/** A stream that keeps what is written; a terminal where it has a size. */
class Out extends EventEmitter {
  text = '';
  isTTY = false;
  columns = 80;
  rows = 24;
  colours = false;
  write(text: string): boolean {
    this.text += text;
    return true;
  }
  hasColors(): boolean {
    return this.colours;
  }
  get stream(): NodeJS.WriteStream {
    return this as unknown as NodeJS.WriteStream;
  }
}

/** A device's steps, a point each. */
function trained(state: LiveState, losses: readonly number[]): LiveState {
  for (const [i, loss] of losses.entries()) {
    const fields = { round: 2, step: i + 1, steps: losses.length, loss, tokens_per_s: 1 };
    const points = [{ measurement: 'training', tags: { run: 'r1' }, fields, timeMs: 10 + i }];
    withTelemetry(state, { deviceId: 'a', points, batch: 0 }, atMs);
  }
  return state;
}

test('the screen shows run, figures, loss, devices and rounds within its size', () => {
  const size = { columns: 90, rows: 14 };
  const shown = snapshot(trained(fleetAtWork(), [3, 2.5, 2, 1.5]), atMs, size.rows);
  const lines = painted(screenLines(shown, size), size.columns, false);
  assert.match(lines[0]!, /^fleetune · fleet home · run r1 · \d\d:\d\d:\d\d$/);
  assert.match(lines[1]!, /^2 devices · round 2 of 4: training/);
  assert.match(lines[3]!, /training loss 3\.000 █▃▆▃▁ 1\.500/);
  assert.match(lines.join('\n'), /\n {2}a +step 4 of 4/);
  assert.match(lines.join('\n'), /\nround 1: 1 of 2 devices, training loss 2\.500, held-out loss 2\.250/);
  assert.match(lines.at(-1)!, /Ctrl-C/);
});

test('on a small terminal no line is too long or one too many, and devices that have no room are counted', () => {
  let state = fleetAtWork();
  for (let i = 0; i < 100; i++) state = withPresence(state, { ...presence, deviceId: `device-${i}` });
  for (const rows of [5, 8, 12, 24, 60]) {
    const size = { columns: 30, rows };
    const lines = painted(screenLines(snapshot(state, atMs, rows), size), size.columns, false);
    assert.ok(lines.length <= rows, `${lines.length} of ${rows}`);
    assert.ok(lines.every((line) => line.length < 30));
    const shown = lines.filter((line) => /^ {2}(a|b|device-\d+) /.test(line)).length;
    if (rows >= 8) assert.match(lines.join('\n'), new RegExp(`and ${102 - shown} more`));
  }
});

test('it says so where the broker or the coordinator is away, or none was heard', () => {
  const text = (state: LiveState) =>
    painted(screenLines(snapshot(state, atMs), { columns: 80, rows: 24 }), 80, false).join('\n');
  assert.match(text({ ...fleetAtWork(), connected: false }), /broker is away/);
  assert.match(text({ ...fleetAtWork(), coordinating: false }), /the coordinator is away: the run stands/);
  assert.doesNotMatch(text(fleetAtWork()), /away/);
  assert.match(text(nothingHeard('home')), /no coordinator has said anything/);
});

test('a terminal is entered, drawn anew in its new size, and left as it was', () => {
  const out = Object.assign(new Out(), { isTTY: true });
  let nowMs = atMs;
  const view = createWatchView(out.stream, false, () => nowMs);
  view.show(fleetAtWork());
  assert.ok(out.text.startsWith('\x1b[?1049h\x1b[?25l'));
  assert.ok(!out.text.includes('\x1b[1m'));
  out.text = '';
  out.columns = 40;
  out.emit('resize');
  const drawn = stripVTControlCharacters(out.text);
  assert.ok(drawn.split('\n').every((line) => line.length < 40));
  out.colours = true;
  nowMs += 1000;
  view.show(fleetAtWork());
  assert.ok(out.text.includes('\x1b[1mfleetune'));
  out.text = '';
  view.close();
  assert.ok(out.text.startsWith('\x1b[?7h\x1b[?25h\x1b[?1049lfleetune · fleet home'));
  assert.equal(out.listenerCount('resize'), 0);
  out.text = '';
  view.show(fleetAtWork());
  view.close();
  assert.equal(out.text, '');
});

test('off a terminal each event is one plain line', () => {
  const out = new Out();
  const view = createWatchView(out.stream, false, () => atMs);
  const first = withPresence(nothingHeard('home'), presence);
  view.show(first);
  const on = { ...first, status: { ...status, round: 1, received: [], history: [] } };
  view.show(on);
  view.show(on);
  view.show({ ...on, connected: false });
  view.show({ ...on, coordinating: false });
  view.show(on);
  assert.deepEqual(
    out.text
      .trim()
      .split('\n')
      .map((line) => line.replace(/^\d\d:\d\d:\d\d /, '')),
    [
      'a is ready: 5 examples, version 0.1.0',
      'run r1: 4 rounds',
      'round 1 of 4: training (0 of 2 in)',
      'the broker is away: it is tried again',
      'the broker is back',
      'the coordinator is away',
      'the coordinator is back',
    ],
  );
  assert.ok(!out.text.includes('\x1b'));
});

test('a long round is told of once a minute', () => {
  const out = new Out();
  let nowMs = atMs;
  const view = createWatchView(out.stream, false, () => nowMs);
  const state = fleetAtWork();
  view.show(state);
  out.text = '';
  nowMs += 59_000;
  view.show(state);
  assert.equal(out.text, '');
  nowMs += 1000;
  view.show(state);
  view.show(state);
  assert.match(out.text, /^\d\d:\d\d:\d\d 2 devices · round 2 of 4: training[^\n]*\n$/);
});

test('events tell of devices, answers, rounds, the result and refused triggers', () => {
  const before = fleetAtWork();
  const told = (change: Partial<LiveState>) => eventsBetween(before, { ...before, ...change });
  assert.deepEqual(eventsBetween(before, before), []);
  assert.deepEqual(told({ presences: new Map([['a', { ...presence, online: false }]]) }), [
    'a is away',
    'b is not heard of any more',
  ]);
  assert.deepEqual(told({ status: { ...status, received: ['b', 'a'] } }), [
    'a answered: round 2 of 4: training (2 of 2 in)',
  ]);
  assert.deepEqual(told({ status: { ...status, state: 'waiting', invited: [], note: 'no \x1b[2Jdevice' } }), [
    'waiting: no  [2Jdevice',
  ]);
  const second = { ...record, round: 2, state: 'failed' as const, reason: 'no quorum' };
  assert.deepEqual(told({ status: { ...status, history: [record, second] } }), ['round 2 failed: no quorum']);
  const trained = { ...record, round: 2, evalLoss: null, rougeL: null };
  const [first] = told({ status: { ...status, history: [record, trained] } });
  assert.match(first!, /^round 2 is trained: 1 of 2 devices, training loss 2\.500, 2\.0 KiB up/);
  const heard = { ...before, status: { ...status, history: [record, trained] } };
  const scored = { ...heard, status: { ...status, history: [record, { ...record, round: 2 }] } };
  assert.match(
    eventsBetween(heard, scored)[0]!,
    /^round 2 is evaluated: .* held-out loss 2\.250, ROUGE-L 30\.0/,
  );
  assert.deepEqual(told({ refused: { id: 't2', reason: 'a run is on', at: '' } }), [
    'a trigger (t2) was refused: a run is on',
  ]);
  const result = { run: 'r1', state: 'completed', reason: '', rounds: [record], before: score, after: score };
  const ended = { result: result as unknown as RunSummary, status: { ...status, state: 'idle' as const } };
  const [line, ...others] = told(ended);
  assert.match(line!, /^run r1 completed, 1 round, before → after: loss 3\.0000 → 3\.0000/);
  assert.deepEqual(others, []);
  const again = { ...before, ...ended };
  assert.deepEqual(eventsBetween(again, { ...again, result: { ...ended.result } }), []);
});

test('for programs it is a snapshot a line, at most one a second', () => {
  const out = new Out();
  let nowMs = atMs;
  const view = createWatchView(out.stream, true, () => nowMs);
  view.show(fleetAtWork());
  view.show(fleetAtWork());
  nowMs += 1000;
  view.show(fleetAtWork());
  const lines = out.text.trim().split('\n');
  assert.equal(lines.length, 2);
  const { totals, devices } = JSON.parse(lines[1]!) as LiveSnapshot;
  assert.equal(totals.watts, 20);
  assert.equal(devices[0]!.figures.source, 'rapl');
});
