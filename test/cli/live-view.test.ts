import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  deviceLine,
  headline,
  type LiveState,
  nothingHeard,
  secondsLeft,
  withPresence,
  withTelemetry,
} from '../../cli/live-state.js';
import { createLiveView } from '../../cli/live-view.js';
import { beforeAfter, memoryText, roundTable } from '../../cli/report.js';
import type { Presence } from '../../schemas/messages.js';
import type { FleetStatus, RoundRecord } from '../../schemas/status.js';

const record: RoundRecord = {
  round: 1,
  state: 'closed',
  reason: '',
  invited: ['a', 'b'],
  participants: ['a'],
  refused: { b: 'its update is not finite' },
  trainLoss: 2.5,
  evalLoss: 2.25,
  rougeL: 30,
  bytesUp: 2048,
  bytesDown: 1024 ** 2,
  seconds: 10,
  joules: null,
  version: 1,
  sha256: '',
};
const score = { loss: 3, rouge1: 1, rouge2: 1, rougeL: 20, examples: 9 };
const status: FleetStatus = {
  format: 1,
  state: 'training',
  run: 'r1',
  trigger: 't1',
  round: 2,
  rounds: 4,
  invited: ['a', 'b'],
  received: ['b'],
  deadlineAt: null,
  note: '',
  before: score,
  history: [record],
  startedAt: '2026-01-01T00:00:00.000Z',
};
const presence: Presence = {
  deviceId: 'a',
  session: 1,
  online: true,
  modelSha256: '',
  trainExamples: 5,
  evaluationExamples: 2,
  version: '0.1.0',
  problem: '',
};
const state: LiveState = withTelemetry(withPresence({ ...nothingHeard, status }, presence), {
  deviceId: 'a',
  points: [{ measurement: 'training', tags: {}, fields: { step: 3, steps: 8, loss: 2 }, timeMs: 1 }],
  batch: 0,
});
const atMs = Date.parse('2026-01-01T00:00:16.000Z');

test('the headline tells devices, round, loss, bytes and time left', () => {
  assert.equal(
    headline(state, atMs),
    '1 device · round 2 of 4: training (1 of 2 in) · loss 2.250 (before 3.000) · 2.0 KiB up, 1.0 MiB down · about 30 s left',
  );
  assert.equal(headline(nothingHeard, atMs), '0 devices ready');
});

test('a device’s line tells what it is doing', () => {
  assert.equal(deviceLine(state, presence), 'a: step 3 of 8, loss 2.000');
  assert.equal(deviceLine(state, { ...presence, deviceId: 'b' }), 'b: done');
  assert.equal(deviceLine(state, { ...presence, online: false }), 'a: away');
  assert.match(deviceLine(state, { ...presence, problem: 'another model' }), /another model/);
});

test('time left is not guessed before a round has ended, nor after the run', () => {
  assert.equal(secondsLeft({ ...status, history: [] }, atMs), undefined);
  assert.equal(secondsLeft({ ...status, state: 'idle' }, atMs), undefined);
});

test('off a terminal a line comes only when the run gets further', () => {
  const written: string[] = [];
  const out = { write: (text: string) => written.push(text) } as unknown as NodeJS.WriteStream;
  const view = createLiveView(out, () => 0);
  view.show(state);
  view.show(state);
  view.show({ ...state, status: { ...status, received: ['a', 'b'] } });
  assert.equal(written.length, 2);
});

test('on a terminal the block is drawn over itself, and a note stays above it', () => {
  const written: string[] = [];
  const out = { isTTY: true, columns: 40, write: (text: string) => written.push(text) };
  const view = createLiveView(out as unknown as NodeJS.WriteStream, () => atMs);
  view.show(state);
  view.note('a note');
  view.show(state);
  view.close();
  view.show(state);
  assert.deepEqual(
    written.map((text) => text.split('\n').every((line) => line.length < 40)),
    written.map(() => true),
  );
  assert.equal(written.filter((text) => text === '\x1b[2A\x1b[J').length, 2);
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
