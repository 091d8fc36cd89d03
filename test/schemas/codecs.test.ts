import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codecNames, decodeTensors, encodeTensors } from '../../schemas/codecs.js';
import { random } from '../../schemas/random.js';
import type { NamedTensors } from '../../schemas/tensors.js';

const next = random('codecs');
const tensors: NamedTensors = new Map([
  ['v', { shape: [3, 4], data: Float32Array.from({ length: 12 }, () => (next() - 0.5) * 0.02) }],
  ['q', { shape: [2], data: Float32Array.of(1.5, -0) }],
]);

/** One number through f16 and back. */
const half = (value: number) => {
  const encoded = encodeTensors('f16', new Map([['x', { shape: [1], data: Float32Array.of(value) }]]));
  return decodeTensors('f16', encoded).get('x')!.data[0]!;
};

for (const codec of codecNames) {
  test(`${codec} keeps names, shapes and values to its precision, sorted by name`, () => {
    const encoded = encodeTensors(codec, tensors);
    assert.deepEqual(
      encoded.map(({ name }) => name),
      ['q', 'v'],
    );
    const decoded = decodeTensors(codec, encoded);
    for (const [name, { shape, data }] of tensors) {
      assert.deepEqual(decoded.get(name)!.shape, shape);
      const bound = codec === 'f32' ? 0 : 1e-3;
      data.forEach((value, i) => {
        assert.ok(Math.abs(decoded.get(name)!.data[i]! - value) <= bound * Math.abs(value), `${value}`);
      });
    }
  });

  test(`${codec} reads data at any alignment`, () => {
    const [q] = encodeTensors(codec, tensors);
    const shifted = Buffer.concat([Buffer.alloc(1), q!.data]).subarray(1);
    assert.deepEqual(decodeTensors(codec, [{ ...q!, data: shifted }]).get('q')!.data, tensors.get('q')!.data);
  });

  test(`${codec} refuses data of another length than the shape's, and a name given twice`, () => {
    const [q] = encodeTensors(codec, tensors);
    assert.throws(() => decodeTensors(codec, [{ ...q!, shape: [3] }]), /tensor q of shape \[3\] has/);
    assert.throws(() => decodeTensors(codec, [{ ...q!, data: q!.data.subarray(1) }]), /tensor q/);
    assert.throws(() => decodeTensors(codec, [q!, q!]), /tensor q is there twice/);
  });
}

test('an unknown codec is refused with the known ones', () => {
  for (const codec of ['int4', '', 'toString', '__proto__'])
    assert.throws(() => decodeTensors(codec, []), { name: 'Refusal', message: /expected one of f32, f16/ });
});

test('f16 rounds to the nearest, ties to even', () => {
  assert.equal(half(1 + 2 ** -11), 1);
  assert.equal(half(1 + 3 * 2 ** -11), 1 + 2 ** -9);
  assert.equal(half(1 + 2 ** -11 + 2 ** -20), 1 + 2 ** -10);
  assert.equal(half(2 ** -25), 0);
  assert.equal(half(3 * 2 ** -25), 2 ** -23);
  assert.equal(half(-(2 ** -24)), -(2 ** -24));
  assert.equal(half(2 ** -14 - 2 ** -25), 2 ** -14);
  assert.equal(half(65519), 65504);
  assert.equal(half(65520), Number.POSITIVE_INFINITY);
  assert.equal(half(Number.NEGATIVE_INFINITY), Number.NEGATIVE_INFINITY);
  assert.ok(Number.isNaN(half(Number.NaN)));
  assert.ok(Object.is(half(-0), -0));
});

test('every half comes back from f16 as it was', () => {
  const bits = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((b) => (b & 0x7c00) !== 0x7c00);
  const shape = [bits.length];
  const data = new Uint8Array(bits.buffer);
  const values = decodeTensors('f16', [{ name: 'x', shape, data }]);
  assert.deepEqual(encodeTensors('f16', values)[0]!.data, data);
});
