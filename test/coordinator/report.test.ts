import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectClient } from '../../broker/client.js';
import { fittedJson, idleStatus, roundPoint, statusOf, summaryOf } from '../../coordinator/report.js';
import { type RunEntry, replay } from '../../coordinator/run.js';
import { decode, encode } from '../../schemas/codec.js';
import type { Point, TelemetryReceipt } from '../../schemas/messages.js';
import { type RoundRecord, unmeasured } from '../../schemas/status.js';
import { topicsOf } from '../../schemas/topics.js';
import { begin, trigger } from './entries.js';
import { Fleet, until } from './fleet.js';
import { fleet } from './scripted-device.js';

const record = (round: number): RoundRecord => ({
  ...unmeasured,
  round,
  state: 'closed',
  reason: '',
  invited: ['a', 'b'],
  participants: ['a'],
  refused: { b: 'NaN' },
  trainLoss: 2,
  evalLoss: null,
  rougeL: null,
  bytesUp: 10,
  bytesDown: 20,
  seconds: 3,
  version: round,
  sha256: 'a'.repeat(64),
});

test('a status of many rounds is cut to its limit, the newest rounds stay', () => {
  const status = { ...idleStatus(null), history: Array.from({ length: 3000 }, (_, i) => record(i + 1)) };
  const text = fittedJson(status, 'history', 50_000);
  assert.ok(text.length <= 50_000);
  const { history } = JSON.parse(text) as { history: RoundRecord[] };
  assert.ok(history.length > 50);
  assert.equal(history.at(-1)?.round, 3000);
});

test('status and summary name the trigger, and whether it came late', () => {
  const scheduled = { id: 'x', source: 'schedule', dueAt: '2026-11-24T00:00:00.000Z', late: true } as const;
  const started = { ...begin(), trigger: scheduled } as RunEntry;
  assert.equal(statusOf(replay([started]), '').trigger, 'x');
  assert.equal(statusOf(replay([{ ...begin(), trigger } as RunEntry]), '').trigger, null);
  const ended: RunEntry = { kind: 'ended', atMs: 2000, state: 'stopped', reason: '' };
  const summary = summaryOf(replay([started, ended]));
  assert.deepEqual(summary.trigger, scheduled);
  assert.equal(idleStatus(summary).trigger, 'x');
});

test('a round’s point leaves out what nobody measured', () => {
  const { tags, fields } = roundPoint(record(4), 'r', 'f', 9);
  assert.deepEqual(tags, { fleet: 'f', run: 'r' });
  const counted = { round: 4, closed: 1, invited: 2, participants: 1, stragglers: 1 };
  assert.deepEqual(fields, { ...counted, bytes_up: 10, bytes_down: 20, seconds: 3, loss: 2 });
});

test('telemetry is written with device and fleet; what is malformed changes nothing', async (t) => {
  const made = await Fleet.start(t);
  await made.coordinator();
  const device = await made.device({ id: 'a', step: 1, examples: 1 });
  const topic = topicsOf(fleet).telemetry('a');
  const point = { measurement: 'power', tags: { rail: 'x' }, fields: { watts: 5 }, timeMs: 7 };
  await device.client.publish(topic, 'not a batch');
  await device.client.publish(topic, encode('TelemetryBatch', { deviceId: 'a', points: [point], batch: 0 }));
  await until(() => made.points.length > 0, 'points');
  assert.deepEqual(made.points, [{ ...point, tags: { rail: 'x', fleet, device: 'a' } }]);
});

test('a device that sends nonsense, or updates that nobody asked for, fills no log', async (t) => {
  const made = await Fleet.start(t);
  await made.coordinator();
  const device = await made.device({ id: 'a', step: 1, examples: 1 });
  const key = { run: 'none', round: 1, kind: 'train' } as const;
  const piece = { sha256: 'a'.repeat(64), index: 0, count: 1, totalBytes: 1, data: new Uint8Array(1) };
  const chunk = encode('Chunk', { key, ...piece });
  for (let i = 0; i < 100; i++) {
    await device.client.publish(topicsOf(fleet).telemetry('a'), 'not a batch');
    await device.client.publish(topicsOf(fleet).update('a', 1), chunk);
  }
  await until(() => device.receipts.length === 100, 'receipts');
  for (const message of ['message not understood', 'update refused']) {
    const told = made.warnings.filter((warning) => warning === message).length;
    assert.ok(told >= 20 && told < 40, `${message}: ${told} times`);
  }
});

test('a batch of telemetry has its receipt: taken, or why not yet', async (t) => {
  const points = [{ measurement: 'power', tags: { rail: 'x' }, fields: { watts: 5 }, timeMs: 7 }];
  for (const noRoom of ['', 'too many points wait']) {
    const made = await Fleet.start(t);
    await made.coordinator({ noRoom });
    const topic = topicsOf(fleet).telemetryReceipt('a');
    const receipts: TelemetryReceipt[] = [];
    let listens = false;
    const device = await connectClient(
      { url: made.url, clientId: 'a', username: 'device', connectS: 10, maxPacketBytes: 2 ** 20 },
      {
        connected: async (client) => {
          await client.subscribe([topic]);
          listens = true;
        },
        message: (_, payload) => void receipts.push(decode('TelemetryReceipt', payload, topic)),
      },
    );
    made.atEnd(() => void device.stop());
    await until(() => listens, 'subscribed');
    const batch = encode('TelemetryBatch', { deviceId: 'a', points, batch: 99 });
    await device.publish(topicsOf(fleet).telemetry('a'), batch);
    await until(() => receipts.length > 0, 'a receipt');
    assert.deepEqual(receipts, [{ batch: 99, reason: noRoom }]);
    assert.equal(made.points.length, noRoom === '' ? 1 : 0);
  }
});

test('a device’s death is a point in the series in which it said that it is up', async (t) => {
  const made = await Fleet.start(t);
  await made.coordinator({ clock: () => 4711 });
  const device = await made.device({ id: 'a', step: 1, examples: 1 });
  const { topic, payload } = deathOf('a');
  await device.client.publish(topic, payload, { retain: true });
  await until(() => made.points.length > 0, 'points');
  const [{ measurement, tags, fields, timeMs }] = made.points as [Point];
  assert.deepEqual([measurement, fields.up, timeMs], ['device', 0, 4711]);
  assert.deepEqual(tags, { fleet, device: 'a', version: '0.1.0' });
  assert.equal(made.guarded, 1, 'a device writes its version itself: it goes by the guard of series');
});

const deathOf = (deviceId: string) => ({
  topic: topicsOf(fleet).presence(deviceId),
  payload: encode('Presence', {
    ...{
      deviceId,
      session: Date.now() + 1000,
      online: false,
      modelSha256: '',
      version: '0.1.0',
      problem: '',
    },
    ...{ trainExamples: 0, evaluationExamples: 0 },
  }),
});
