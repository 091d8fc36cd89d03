import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode } from '../../schemas/codec.js';
import { readTrigger } from '../../schemas/trigger.js';

const topic = 'fleetune/v1/f/rounds/start';
const read = (text: string | Uint8Array, defaults: Record<string, unknown> = {}) =>
  readTrigger(typeof text === 'string' ? Buffer.from(text) : text, topic, defaults);

test('an empty trigger means the defaults', () => {
  for (const text of ['', ' \n', '{}']) {
    const { id, settings } = read(text, { rounds: 7 });
    assert.equal(id, null);
    assert.equal(settings.rounds, 7);
    assert.equal(settings.optimizer, 'fedavg');
  }
});

test('a JSON trigger sets what it names', () => {
  const { id, settings } = read('{"id":"a-1","rounds":5,"optimizer":"fedadamw","loraTargets":["q"]}', {
    rounds: 7,
  });
  assert.equal(id, 'a-1');
  assert.equal(settings.rounds, 5);
  assert.equal(settings.optimizer, 'fedadamw');
  assert.deepEqual(settings.loraTargets, ['q']);
});

test('a protobuf trigger says the same as a JSON one', () => {
  const bytes = encode('Trigger', {
    id: 'a-1',
    settings: { rounds: '5', loraTargets: 'q,v', preset: 'paper' },
  });
  assert.deepEqual(read(bytes), read('{"id":"a-1","rounds":5,"loraTargets":["q","v"],"preset":"paper"}'));
  assert.equal(read(encode('Trigger', { id: '', settings: {} })).id, null);
});

test('a preset goes before the defaults and after what the trigger says itself', () => {
  const { settings } = read('{"preset":"paper","batchSize":2}', {
    batchSize: 4,
    learningRate: 0.5,
    rounds: 9,
  });
  assert.equal(settings.batchSize, 2);
  assert.equal(settings.learningRate, 1e-4);
  assert.equal(settings.rounds, 9);
});

test('a bad trigger is refused with all that is wrong', () => {
  const text = '{"id":"a b","preset":"big","round":1,"quorum":2,"__proto__":1}';
  const parts = [
    /^fleetune.*rounds\/start: id: "a b" is not/,
    /preset: "big" is not one of paper/,
    /round: no such setting \(did you mean rounds\?\)/,
    /__proto__: no such setting/,
    /quorum: 2 is not a number from 0 to 1/,
  ];
  for (const message of parts) assert.throws(() => read(text), { name: 'Refusal', message });
});

test('what is no trigger is refused', () => {
  for (const text of ['5', '[]', 'null', '{"rounds":', 'rounds=5', '\u0008\u0001\u00ff'])
    assert.throws(() => read(text), { name: 'Refusal' }, text);
  assert.throws(() => read(Buffer.alloc(70_000, 32)), /70000 bytes/);
});
