import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunEntry } from '../../coordinator/run.js';
import { cancelTask, dueTasks, type Told, taskFor } from '../../coordinator/tasks.js';
import { configOf } from '../../coordinator/version.js';
import { decode, encode } from '../../schemas/codec.js';
import { parseAdapterConfig } from '../../schemas/peft.js';
import { accepted, evaluate, init, opened, stateOf, train } from './entries.js';

test('a task’s seed depends on seed, round and device, not on the run or the time', () => {
  const seedIn = (entries: RunEntry[], id: string, raw = {}, nowMs = 0) => {
    const state = stateOf(entries, raw);
    return state.step.phase === 'open' ? taskFor(state, state.step, id, nowMs).seed : -1;
  };
  const open = [...init, ...evaluate(0), ...train(1).slice(0, 1)];
  assert.equal(seedIn(open, 'a'), seedIn(open, 'a', {}, 999));
  assert.notEqual(seedIn(open, 'a'), seedIn(open, 'b'));
  assert.notEqual(seedIn(open, 'a'), seedIn(open, 'a', { seed: 2 }));
  assert.equal(seedIn(init.slice(0, 1), 'a'), seedIn(init.slice(0, 1), 'b'));
});

test('a task says what the run’s settings say of LoRA and dropout, and the run’s adapter.json the same', () => {
  const raw = {
    ...{ dropout: 0.1, loraDropout: '0.05', loraRslora: 'true', loraTargets: 'q,wo' },
    ...{ loraRankPattern: 'wo=8,decoder.*q=4', loraAlphaPattern: ['a=b=0.5'] },
  };
  const of = (raw: Record<string, unknown>) => {
    const state = { ...stateOf(init.slice(0, 1), raw), modelSha256: 'ab'.repeat(32) };
    assert.ok(state.step.phase === 'open');
    return { state, task: taskFor(state, state.step, 'a', 0) };
  };
  const { state, task } = of(raw);
  assert.equal(task.training.dropout, 0.1);
  const lora = {
    ...{ rank: 16, alpha: 32, targets: ['q', 'wo'], dropout: 0.05, rslora: true },
    ...{ rankPattern: { wo: 8, 'decoder.*q': 4 }, alphaPattern: { 'a=b': 0.5 } },
  };
  assert.deepEqual(decode('Task', encode('Task', task), 'topic').lora, lora);
  assert.deepEqual(parseAdapterConfig(configOf(state.settings), 'adapter_config.json'), lora);
  assert.throws(
    () => encode('Task', of({ loraRankPattern: 'wo' }).task),
    /lora\.rankPattern\.wo: NaN is not/,
  );
});

test('a task is due to whoever owes an answer and was not told lately', () => {
  const { step } = stateOf([
    ...init,
    ...evaluate(0),
    opened({ kind: 'train', round: 1 }, ['a', 'b', 'c']),
    accepted('a'),
  ]);
  assert.ok(step.phase === 'open');
  const told = new Map<string, Told>([['b', { atMs: 0, answering: false }]]);
  assert.deepEqual(dueTasks(step, told, 14_999, 15_000), ['c']);
  assert.deepEqual(dueTasks(step, told, 15_000, 15_000), ['b', 'c']);
});

test('a device that began to answer and went silent is told again, later', () => {
  const { step } = stateOf([...init, ...evaluate(0), opened({ kind: 'train', round: 1 }, ['a', 'b'])]);
  assert.ok(step.phase === 'open');
  const told = new Map<string, Told>([
    ['a', { atMs: 10_000, answering: true }],
    ['b', { atMs: 60_000, answering: false }],
  ]);
  assert.deepEqual(dueTasks(step, told, 69_999, 15_000), []);
  assert.deepEqual(dueTasks(step, told, 70_000, 15_000), ['a']);
});

test('a cancel names the run and round', () => {
  const state = stateOf([...init, ...evaluate(0), ...train(1).slice(0, 1)]);
  assert.ok(state.step.phase === 'open');
  assert.deepEqual(cancelTask(state, state.step, 'a', 0).key, { run: 'r', round: 1, kind: 'cancel' });
});
