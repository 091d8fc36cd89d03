import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerTrigger } from '../../coordinator/triggers.js';
import { Fleet, protobufTrigger, until } from './fleet.js';
import type { Script } from './scripted-device.js';

const one: Script = { id: 'a', step: 1, examples: 1 };
const world = { defaults: { rounds: 2 }, runsById: new Map([['old', 'r-old']]), open: null, latest: null };
const answer = (text: string, more = {}, retained = false) =>
  answerTrigger(Buffer.from(text), 'rounds/start', retained, { ...world, ...more });

test('an empty trigger starts a run with the coordinator’s own settings', () => {
  const started = answer('');
  assert.equal(started.do === 'start' && started.settings.rounds, 2);
  assert.equal(started.do === 'start' && started.id, '');
});

test('an id whose run is on or ended last is a repeat; that of an older run is told its run', () => {
  const open = (run: string) => ({ open: { run, round: 1, rounds: 2 } });
  assert.deepEqual(answer('{"id":"old"}', open('r-old')), { do: 'repeat' });
  assert.deepEqual(answer('{"id":"old"}', { latest: 'r-old' }), { do: 'repeat' });
  assert.deepEqual(answer('{"id":"old"}', { ...open('r'), latest: 'r-old' }), { do: 'repeat' });
  const reason = 'id old was run already as r-old';
  assert.deepEqual(answer('{"id":"old"}', { latest: 'r' }), { do: 'refuse', id: 'old', reason });
  assert.deepEqual(answer('{"id":"old"}', open('r')), { do: 'refuse', id: 'old', reason });
});

test('a retained trigger is refused', () => {
  const refused = answer('{"id":"x"}', {}, true);
  assert.deepEqual(refused.do === 'refuse' && [refused.id, /retain/.test(refused.reason)], ['x', true]);
});

test('a bad trigger is refused with all that is wrong', () => {
  const refused = answer('{"id":"x","rounds":0,"rouns":3}');
  assert.equal(refused.do === 'refuse' && refused.id, 'x');
  assert.match(refused.do === 'refuse' ? refused.reason : '', /rounds: 0 is not.*/);
  assert.match(refused.do === 'refuse' ? refused.reason : '', /rouns/);
});

test('a second trigger during a run is refused, and the first run goes on', async (t) => {
  const made = await Fleet.start(t);
  await made.coordinator();
  await made.trigger({ id: 'one' });
  await until(() => made.status?.state === 'waiting', 'waiting');
  await made.trigger({ id: 'two' });
  await until(() => made.refused.length === 1, 'refused');
  assert.equal(made.refused[0]!.id, 'two');
  assert.match(made.refused[0]!.reason, /run .* is on \(round 0 of 2\)/);
  await made.trigger({ rounds: 'many', x: 1 });
  await until(() => made.refused.length === 2, 'refused');
  assert.match(made.refused[1]!.reason, /rounds: "many"/);
  await made.device(one);
  assert.equal((await made.result()).trigger.id, 'one');
});

test('the same id twice is one run, also across a restart; a trigger without id is a new run', async (t) => {
  const made = await Fleet.start(t);
  await made.device(one);
  const first = await made.coordinator({ defaults: { rounds: 1 } });
  await made.trigger(protobufTrigger('same', { optimizer: 'fedavgm' }));
  await made.trigger({ id: 'same' });
  assert.equal((await made.result()).settings.optimizer, 'fedavgm');
  await first.stop();
  await made.coordinator({ defaults: { rounds: 1 } });
  await made.trigger({ id: 'same', rounds: 1 });
  await made.trigger();
  const second = await made.result(2);
  assert.equal(second.trigger.id, '');
  assert.equal((await made.runs()).length, 2);
  assert.equal(made.refused.length, 0);
  await made.trigger({ id: 'same' });
  await until(() => made.refused.length === 1, 'the older run is named');
  const [older] = (await made.runs()).sort();
  assert.match(made.refused[0]!.reason, new RegExp(`^id same was run already as ${older}$`));
});

test('settings that no task can carry are refused, and no run is left behind', async (t) => {
  const made = await Fleet.start(t);
  await made.coordinator();
  await made.trigger({ loraTargets: ['q v'] });
  await until(() => made.refused.length === 1, 'refused');
  assert.match(made.refused[0]!.reason, /lora\.targets/);
  assert.deepEqual(await made.runs(), []);
});

test('rounds/stop cancels tasks and keeps the last version; with no run it is refused', async (t) => {
  const made = await Fleet.start(t);
  await made.coordinator();
  await made.stopRun();
  await until(() => made.refused.length === 1, 'refused');
  assert.equal(made.refused[0]!.reason, 'no run is on');
  const device = await made.device({ ...one, change: (u, task) => (task.key.kind === 'train' ? null : u) });
  await made.trigger();
  await until(() => device.tasks.some((task) => task.key.kind === 'train'), 'training');
  await made.stopRun();
  const summary = await made.result();
  assert.equal(summary.state, 'stopped');
  assert.equal(summary.adapter?.version, 0);
  assert.deepEqual(
    summary.rounds.map((r) => [r.state, r.reason]),
    [['failed', 'stopped by an operator']],
  );
  await until(() => device.tasks.at(-1)?.key.kind === 'cancel', 'cancelled');
});

test('status and result are retained, and a new coordinator says them again', async (t) => {
  const made = await Fleet.start(t);
  await made.device(one);
  const first = await made.coordinator({ defaults: { rounds: 1 } });
  await made.trigger();
  const summary = await made.result();
  await first.stop();
  made.status = undefined;
  made.results.length = 0;
  await made.restartBroker();
  await made.coordinator();
  assert.deepEqual(await made.result(), summary);
  await until(() => made.status !== undefined, 'status');
  assert.equal(made.status!.state, 'idle');
  assert.equal(made.status!.history.length, 1);
  const held = () => [...made.seen].filter(([topic]) => topic.endsWith(`${summary.run}.1/manifest`));
  await until(() => held().length === 1, 'the last adapter again');
});
