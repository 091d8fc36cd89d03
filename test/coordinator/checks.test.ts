import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkEnvelope, checkTensors, type Expected } from '../../coordinator/checks.js';
import type { Update } from '../../schemas/messages.js';
import type { NamedTensors } from '../../schemas/tensors.js';

const sha = 'a'.repeat(64);
const key = { run: 'r', round: 2, kind: 'train' } as const;
const expected: Expected = {
  key,
  deviceId: 'd',
  baseVersion: 1,
  baseSha256: sha,
  shapes: new Map([
    ['q', [2, 1]],
    ['v', [2]],
  ]),
  maxNorm: 5,
  maxExamples: 3,
};
const measures = { examples: 3, steps: 1, tokens: 9, labelTokens: 4, loss: 1, seconds: 1, bytesDown: 0 };
const update: Update = {
  key,
  deviceId: 'd',
  baseVersion: 1,
  baseSha256: sha,
  codec: 'f32',
  tensors: [],
  measures,
  failure: '',
};

function tensors(q: number[] = [3, 4], shape = [2, 1]): NamedTensors {
  return new Map([
    ['q', { shape, data: Float32Array.from(q) }],
    ['v', { shape: [2], data: new Float32Array(2) }],
  ]);
}

test('a fitting update has nothing wrong with it', () => {
  assert.equal(checkEnvelope(update, expected), '');
  assert.equal(checkTensors(tensors(), expected), '');
});

const envelopes: [string, Partial<Update>, RegExp][] = [
  ['of another run', { key: { ...key, run: 'other' } }, /answers train of round 2 of run other, expected/],
  ['of another round', { key: { ...key, round: 1 } }, /round 1/],
  ['of another kind', { key: { ...key, kind: 'evaluate' } }, /evaluate/],
  ['of another device', { deviceId: 'e' }, /of device e, expected d/],
  ['from another base version', { baseVersion: 0 }, /starts from version 0, expected 1/],
  [
    'from another base adapter',
    { baseSha256: 'b'.repeat(64) },
    /starts from adapter bbbbbbbbbbbb…, expected aaaa/,
  ],
  ['that says the task failed', { failure: 'out of memory' }, /could not do the task: out of memory/],
  ['made of no examples', { measures: { ...measures, examples: 0 } }, /no examples/],
  [
    'made of more examples than its task has',
    { measures: { ...measures, examples: 4 } },
    /used 4 examples, the task has 3 at most/,
  ],
  ['with a loss below 0', { measures: { ...measures, loss: -1 } }, /loss is -1, expected at least 0/],
];
for (const [what, change, reason] of envelopes)
  test(`an update ${what} is refused`, () => {
    assert.match(checkEnvelope({ ...update, ...change }, expected), reason);
  });

const contents: [string, NamedTensors, RegExp][] = [
  ['no tensors', new Map(), /no tensors/],
  ['a NaN', tensors([0, Number.NaN]), /tensor q holds NaN at 1/],
  ['an infinity', tensors([Number.NEGATIVE_INFINITY, 0]), /tensor q holds -Infinity at 0/],
  ['a wrong shape', tensors([1, 2], [1, 2]), /tensor q is \[1,2\], expected \[2,1\]/],
  ['a missing tensor', new Map([...tensors()].slice(1)), /tensor q is missing/],
  [
    'an extra tensor',
    new Map([...tensors(), ['k', { shape: [1], data: new Float32Array(1) }]]),
    /k is not in/,
  ],
  ['too large a norm', tensors([3, 4.1]), /norm is 5\.080, at most 5/],
];
for (const [what, found, reason] of contents)
  test(`an update with ${what} is refused`, () => {
    assert.match(checkTensors(found, expected), reason);
  });

test('version 0 may have any names and shapes, but only finite numbers', () => {
  const init: Expected = { ...expected, key: { ...key, kind: 'init' }, shapes: null, maxNorm: 0 };
  assert.equal(checkTensors(tensors(), init), '');
  assert.match(checkTensors(tensors([Number.NaN, 0]), init), /NaN/);
});

test('version 0 changes nothing: one device alone makes it, so it may bring no weights of its own', () => {
  const init: Expected = { ...expected, key: { ...key, kind: 'init' }, shapes: null, maxNorm: 0 };
  const fresh = (a: number[], b: number[]): NamedTensors =>
    new Map([
      ['q.lora_A.weight', { shape: [1, 4], data: Float32Array.from(a) }],
      ['q.lora_B.weight', { shape: [2, 1], data: Float32Array.from(b) }],
    ]);
  assert.equal(checkTensors(fresh([0.5, -0.5, 0, 0.1], [0, 0]), init), '');
  assert.match(checkTensors(fresh([0.5, -0.5, 0, 0.1], [0, 1e-9]), init), /q\.lora_B\.weight .* at most 0$/);
  assert.match(checkTensors(fresh([0.5, -0.51, 0, 0], [0, 0]), init), /q\.lora_A\.weight .* at most 0\.5$/);
});

test('an evaluation holds no tensors', () => {
  const evaluation: Expected = { ...expected, key: { ...key, kind: 'evaluate' } };
  assert.equal(checkTensors(new Map(), evaluation), '');
  assert.match(checkTensors(tensors(), evaluation), /expected none/);
});
