import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode } from '../../schemas/codec.js';
import { fleetune } from '../../schemas/generated/fleet.js';
import { messageRules } from '../../schemas/message-rules.js';
import type { Messages } from '../../schemas/messages.js';
import { random } from '../../schemas/random.js';
import { Refusal } from '../../schemas/refusal.js';
import { kinds, samples } from './samples.js';

type Kind = keyof Messages;
interface Wire {
  encode(message: object): { finish(): Uint8Array };
  decode(bytes: Uint8Array): object;
}
const wires = fleetune as unknown as Record<Kind, Wire>;
const topic = 'fleetune/v1/f/devices/board-1/x';
const bytesOf = (kind: Kind) => encode(kind, samples[kind]);

/** The refusal that decoding comes to. */
function refusalOf(kind: Kind, bytes: Uint8Array): string {
  try {
    decode(kind, bytes, topic);
  } catch (error) {
    assert.ok(error instanceof Refusal, String(error));
    assert.match(error.message, new RegExp(`^${topic}: ${kind}: `));
    return error.message.slice(`${topic}: ${kind}: `.length);
  }
  assert.fail(`${kind} was accepted`);
}

/**
 * A right message's bytes after a change to what protobufjs sees, so that encode's own checks are not in the
 * way.
 */
function changed(kind: Kind, change: (wire: Record<string, unknown>) => void): Uint8Array {
  const wire = wires[kind].decode(bytesOf(kind)) as Record<string, unknown>;
  change(wire);
  return wires[kind].encode(wire).finish();
}

/** Sets or deletes a field at a path as "training.batchSize". */
function put(wire: Record<string, unknown>, path: string, value?: unknown): void {
  const names = path.split('.');
  const last = names.pop()!;
  const owner = names.reduce((at, name) => at[name] as Record<string, unknown>, wire);
  if (value === undefined) delete owner[last];
  else owner[last] = value;
}

test('every message comes back as it was sent', () => {
  for (const kind of kinds) assert.deepEqual(decode(kind, bytesOf(kind), topic), samples[kind], kind);
});

test('optional fields stay absent', () => {
  const { key, ...chunk } = samples.Chunk;
  assert.deepEqual(decode('Chunk', encode('Chunk', chunk), topic), chunk);
  const { examples, steps, tokens, labelTokens, loss, seconds, bytesDown } = samples.Update.measures;
  const measures = { examples, steps, tokens, labelTokens, loss, seconds, bytesDown };
  const update = { ...samples.Update, measures };
  assert.deepEqual(decode('Update', encode('Update', update), topic), update);
  assert.ok(key);
});

// Protobuf can't tell an absent number from 0 or an absent flag from false: these are the fields where it
// matters.
const required: Record<Kind, string[]> = {
  Presence: ['deviceId', 'session', 'modelSha256'],
  Task: [
    ...['key', 'key.run', 'key.kind', 'modelSha256', 'baseSha256', 'lora', 'lora.rank', 'lora.alpha'],
    ...['lora.targets', 'training', 'training.batchSize', 'training.accumulation', 'training.schedule'],
    ...['text', 'text.maxSourceTokens', 'text.maxTargetTokens'],
  ],
  Update: ['key', 'key.run', 'key.kind', 'deviceId', 'baseSha256', 'codec', 'tensors', 'measures'],
  Chunk: ['sha256', 'count', 'totalBytes', 'data'],
  Manifest: ['run', 'sha256', 'totalBytes', 'chunkBytes', 'count'],
  Receipt: ['key', 'key.run', 'key.kind', 'sha256', 'state', 'reason'],
  TelemetryBatch: ['deviceId'],
  TelemetryReceipt: ['batch'],
  Trigger: [],
};

test('a missing field is refused by its name', () => {
  for (const kind of kinds) {
    for (const path of ['schema', ...required[kind]]) {
      const message = refusalOf(
        kind,
        changed(kind, (wire) => put(wire, path)),
      );
      assert.ok(message.startsWith(path), `${kind} without ${path}: ${message}`);
    }
  }
});

const wrong: [Kind, string, unknown][] = [
  ['Presence', 'schema', 2],
  ['Presence', 'deviceId', 'a/b'],
  ['Presence', 'deviceId', '../x'],
  ['Presence', 'modelSha256', 'AB'.repeat(32)],
  ['Presence', 'session', Number.MAX_SAFE_INTEGER + 1],
  ['Presence', 'problem', 'x'.repeat(1001)],
  ['Task', 'key.kind', 9],
  ['Task', 'key.round', 1_000_001],
  ['Task', 'seed', 2 ** 48],
  ['Task', 'training.epochs', Number.NaN],
  ['Task', 'training.learningRate', -1],
  ['Task', 'training.schedule', 'cosine'],
  ['Task', 'lora.alpha', Number.POSITIVE_INFINITY],
  ['Task', 'lora.targets', Array(65).fill('q')],
  ['Task', 'lora.targets', ['q', '']],
  ['Task', 'text.maxSourceTokens', 100_000],
  ['Update', 'measures.loss', Number.NaN],
  ['Update', 'measures.seconds', -1],
  ['Update', 'measures.rougeL', 101],
  ['Update', 'measures.joules', Number.POSITIVE_INFINITY],
  ['Update', 'measures.flops', -1],
  ['Update', 'measures.link', 'WiFi'],
  ['Update', 'measures.powerSource', ''],
  ['Update', 'tensors', [{ name: 'q', shape: [0], data: Buffer.alloc(4) }]],
  ['Update', 'tensors', [{ name: '', shape: [1], data: Buffer.alloc(4) }]],
  ['Update', 'tensors', [{ name: 'q', shape: [1], data: Buffer.alloc(0) }]],
  ['Chunk', 'index', 3],
  ['Chunk', 'totalBytes', 201],
  ['Chunk', 'totalBytes', 2 ** 31],
  ['Manifest', 'count', 4],
  ['Manifest', 'chunkBytes', 2 ** 20],
  ['Receipt', 'state', 7],
  ['TelemetryBatch', 'points', [{ measurement: 'power', fields: { watts: Number.NaN } }]],
  ['TelemetryBatch', 'points', [{ measurement: 'po wer', fields: {} }]],
  ['TelemetryBatch', 'points', [{ measurement: 'power', tags: { ['__proto__']: 'x' } }]],
  ['TelemetryBatch', 'batch', 2 ** 48],
  ['TelemetryReceipt', 'batch', 0],
  ['Trigger', 'id', 'a b'],
  ['Trigger', 'settings', { 'a b': '1' }],
];

test('a value out of its range is refused by its field', () => {
  for (const [kind, path, value] of wrong) {
    const message = refusalOf(
      kind,
      changed(kind, (wire) => put(wire, path, value)),
    );
    assert.ok(message.startsWith(path), `${kind} with ${path} ${JSON.stringify(value)}: ${message}`);
  }
});

test('an unknown schema number is refused with the one that is known', () => {
  const bytes = changed('Receipt', (wire) => put(wire, 'schema', 2));
  assert.equal(refusalOf('Receipt', bytes), 'schema: 2 is not 1, the one known here');
});

test('a payload over the limit of its kind is refused before it is decoded', () => {
  for (const kind of kinds.filter((k) => k !== 'Update')) {
    const { maxBytes } = messageRules[kind];
    assert.match(refusalOf(kind, Buffer.alloc(maxBytes + 1, 255)), /bytes, more than/);
  }
});

test('an update carries tensors exactly where its task makes some', () => {
  const { Update } = samples;
  const evaluated = { ...Update, key: { ...Update.key, kind: 'evaluate' as const } };
  assert.throws(() => encode('Update', evaluated), /tensors: expected none/);
  assert.ok(encode('Update', { ...evaluated, tensors: [] }));
  assert.throws(() => encode('Update', { ...Update, failure: 'out of memory' }), /tensors: expected none/);
  assert.ok(encode('Update', { ...Update, failure: 'out of memory', tensors: [] }));
});

test('a message that breaks its own rules is not sent', () => {
  const measures = { ...samples.Update.measures, loss: Number.NaN };
  assert.throws(() => encode('Update', { ...samples.Update, measures }), {
    name: 'Refusal',
    message: /^Update to send: measures\.loss: NaN is not a number/,
  });
});

test('free text for people is cut, not refused', () => {
  const bytes = encode('Receipt', { ...samples.Receipt, reason: 'x'.repeat(5000) });
  assert.equal(decode('Receipt', bytes, topic).reason.length, 1000);
});

test('unknown fields of a later version are passed over', () => {
  const bytes = Buffer.concat([bytesOf('Receipt'), Buffer.from([0xf8, 0x06, 0x01])]); // Field 111, a varint.
  assert.deepEqual(decode('Receipt', bytes, topic), samples.Receipt);
});

test('a payload cut at any byte is refused or still a whole message', () => {
  for (const kind of kinds) {
    const whole = bytesOf(kind);
    for (let length = 0; length < whole.length; length++)
      requireRefusalOrWhole(kind, whole.subarray(0, length));
    assert.throws(() => decode(kind, whole.subarray(0, 0), topic), /schema: 0/);
  }
});

test('random bytes and random changes to right ones are refused or still a whole message', () => {
  const next = random('codec fuzz');
  const below = (n: number) => Math.floor(next() * n);
  for (const kind of kinds) {
    const whole = bytesOf(kind);
    for (let i = 0; i < 1500; i++) {
      const noise = Uint8Array.from({ length: below(64) }, () => below(256));
      requireRefusalOrWhole(kind, noise);
      requireRefusalOrWhole(kind, Buffer.concat([Buffer.from([8, 1]), noise]));
      const flipped = Uint8Array.from(whole);
      for (let n = 1 + below(4); n > 0; n--) flipped[below(flipped.length)] = below(256);
      requireRefusalOrWhole(kind, flipped);
    }
  }
});

/** Whatever decode accepts must keep the rules: it can be sent again. */
function requireRefusalOrWhole(kind: Kind, bytes: Uint8Array): void {
  let message: Messages[Kind];
  try {
    message = decode(kind, bytes, topic);
  } catch (error) {
    assert.ok(error instanceof Refusal, `${kind} ${Buffer.from(bytes).toString('hex')}: ${error}`);
    return;
  }
  assert.ok(encode(kind, message).length > 0);
}
