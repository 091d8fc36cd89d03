import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeSafetensors,
  encodeSafetensors,
  maxHeaderBytes,
  type NamedTensors,
  readSafetensorsHeader,
} from '../../schemas/tensors.js';

const tensors: NamedTensors = new Map([
  ['b', { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
  ['a', { shape: [1], data: Float32Array.of(-0.5) }],
]);
const whole = encodeSafetensors(tensors);

/** A file of a header, given as a value or as text, and data. */
function fileOf(header: unknown, dataBytes = 0): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const out = Buffer.alloc(8 + json.length + dataBytes);
  out.writeBigUInt64LE(BigInt(json.length));
  json.copy(out, 8);
  return out;
}
const entry = (begin: number, end: number, shape = [(end - begin) / 4], dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});
const refused = (file: Uint8Array, message: RegExp) =>
  assert.throws(
    () => decodeSafetensors(file, 'x.safetensors'),
    (error: Error) => {
      assert.equal(error.name, 'Refusal', error.stack);
      assert.match(error.message, /^x\.safetensors: /);
      assert.match(error.message, message);
      return true;
    },
  );

test('tensors come back from a safetensors file as they were', () => {
  assert.deepEqual(decodeSafetensors(whole, 'x'), new Map([...tensors].sort()));
});

test('equal tensors give equal bytes, whatever their order', () => {
  assert.deepEqual(encodeSafetensors(new Map([...tensors].reverse())), whole);
});

test('the data begins at a multiple of eight bytes, also after names of many bytes a letter', () => {
  for (const name of ['a', 'ab', 'abc', 'é', 'weiß']) {
    const bytes = encodeSafetensors(new Map([[name, { shape: [1], data: Float32Array.of(1) }]]));
    assert.equal((bytes.length - 4) % 8, 0);
    assert.deepEqual(decodeSafetensors(bytes, 'x').get(name)!.data, Float32Array.of(1));
  }
});

test('decoded tensors do not share memory with the file', () => {
  const bytes = Buffer.from(whole);
  const decoded = decodeSafetensors(bytes, 'x');
  bytes.fill(0);
  assert.deepEqual(decoded.get('a')!.data, Float32Array.of(-0.5));
});

test('a file cut at any byte is refused', () => {
  for (let length = 0; length < whole.length; length++)
    refused(whole.subarray(0, length), /whole safetensors/);
});

test('a file with more bytes than its tensors is refused', () => {
  refused(Buffer.concat([whole, Buffer.alloc(1)]), /tensors end at byte/);
});

test('offsets that overlap, leave a gap, run backwards or out of the file are refused', () => {
  refused(fileOf({ a: entry(0, 8), b: entry(4, 12) }, 12), /tensor b begins at byte/);
  refused(fileOf({ a: entry(0, 4), b: entry(8, 12) }, 12), /tensor b begins at byte/);
  refused(fileOf({ a: entry(0, 4), b: entry(0, 4) }, 4), /tensor b begins at byte/);
  refused(fileOf({ a: entry(0, 400) }, 4), /cut short/);
  refused(fileOf({ a: entry(-4, 4, [2]) }, 4), /tensor a has no known/);
  refused(fileOf({ a: { dtype: 'F32', shape: [-1], data_offsets: [4, 0] } }, 4), /tensor a has no known/);
});

test('a shape or type that does not fit the bytes is refused by the tensor’s name', () => {
  refused(fileOf({ a: entry(0, 4, [2]) }, 4), /tensor a has 4 bytes/);
  refused(fileOf({ a: entry(0, 4, [0.5, 2]) }, 4), /tensor a has no known/);
  refused(fileOf({ a: entry(0, 4, [1], 'F4') }, 4), /tensor a has no known/);
  refused(fileOf({ a: entry(0, 4, [1], 'constructor') }, 4), /tensor a has no known/);
  refused(fileOf({ a: null }, 0), /tensor a has no known/);
  refused(fileOf({ a: entry(0, 4, [2], 'F16') }, 4), /tensor a is F16, expected F32/);
});

test('a header that is no JSON object is refused', () => {
  for (const header of ['{"a":', '[]', 'null', '5', '']) refused(fileOf(header), /header/);
});

test('a header longer than the file or than the format allows is refused before it is read', () => {
  const head = Buffer.alloc(16);
  head.writeBigUInt64LE(2n ** 63n);
  refused(head, /announces a header of/);
  head.writeBigUInt64LE(BigInt(maxHeaderBytes + 1));
  assert.throws(() => readSafetensorsHeader(head, 2 ** 40, 'x'), /announces a header of/);
});

test('metadata is read beside the tensors', () => {
  const bytes = encodeSafetensors(tensors, { round: '3' });
  assert.deepEqual(readSafetensorsHeader(bytes, bytes.length, 'x').metadata, { format: 'pt', round: '3' });
});
